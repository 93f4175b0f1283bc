#include "injector/nursery/wire.h"

#include <cstring>
#include <stdexcept>

namespace faultline::nursery {

Writer& Writer::put(std::uint64_t number) {
  bytes_.append(reinterpret_cast<const char*>(&number), sizeof number);
  return *this;
}

Writer& Writer::put(const std::string& text) {
  put(text.size());
  bytes_ += text;
  return *this;
}

Writer& Writer::put(const std::vector<std::string>& texts) {
  put(texts.size());
  for (const auto& text : texts) put(text);
  return *this;
}

Writer& Writer::put(const std::map<std::string, std::string>& texts) {
  put(texts.size());
  for (const auto& [key, value] : texts) put(key).put(value);
  return *this;
}

std::uint64_t Reader::number() {
  std::uint64_t number = 0;
  if (bytes_.size() - at_ < sizeof number) throw std::runtime_error("nursery: a message is too short");
  std::memcpy(&number, bytes_.data() + at_, sizeof number);
  at_ += sizeof number;
  return number;
}

std::string Reader::text() {
  const std::uint64_t size = number();
  if (bytes_.size() - at_ < size) throw std::runtime_error("nursery: a message is too short");
  std::string text = bytes_.substr(at_, size);
  at_ += size;
  return text;
}

std::vector<std::string> Reader::texts() {
  std::vector<std::string> texts;
  for (std::uint64_t left = number(); left > 0; --left) texts.push_back(text());
  return texts;
}

std::map<std::string, std::string> Reader::map() {
  std::map<std::string, std::string> texts;
  for (std::uint64_t left = number(); left > 0; --left) {
    std::string key = text();
    texts[key] = text();
  }
  return texts;
}

}  // namespace faultline::nursery
