// What the nursery's two sides say to each other: messages (base/message.h) made of counted strings and 64-bit
// numbers, with descriptors beside them. Both sides are one binary, so there is no version in it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "injector/base/message.h"

namespace faultline::nursery {

enum class Request : std::uint64_t { spawn, make_enclosure, drop_enclosure, kill, open_enclosure };

/// Answers repeat the request's number. These two numbers belong to no request.
constexpr std::uint64_t kEnded = 0;  ///< a child ended: pid, status
constexpr std::uint64_t kHello = 1;  ///< the init is up

class Writer {
 public:
  Writer& put(std::uint64_t number);
  Writer& put(const std::string& text);
  Writer& put(const std::vector<std::string>& texts);
  Writer& put(const std::map<std::string, std::string>& texts);
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

/// Reads in the order written. Throws std::runtime_error when a message ends too early.
class Reader {
 public:
  explicit Reader(std::string bytes) : bytes_(std::move(bytes)) {}
  std::uint64_t number();
  std::string text();
  std::vector<std::string> texts();
  std::map<std::string, std::string> map();

 private:
  std::string bytes_;
  std::size_t at_ = 0;
};

}  // namespace faultline::nursery
