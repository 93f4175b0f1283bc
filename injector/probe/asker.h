// How one kind of request is made: the part of a probe that differs between http, tcp, dns and so on. An Asker sends
// what it is told to send, when it is told, and says the verdict; the schedule, the clock, the timeouts and the count
// of what is in flight belong to the Prober alone, so that they are the same for every kind. Everything here happens on
// the probe's thread, which is inside the probe's network namespace.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "injector/probe/loop.h"
#include "injector/probe/probe.h"

namespace faultline::probe {

/// What became of request n, known at `at` (CLOCK_MONOTONIC). `error` is empty when all was well; else `said` is what
/// the other side answered, if it did. A verdict on a request that is not in flight any more is ignored.
class Verdict {
 public:
  using HeardPtr = std::shared_ptr<const Heard>;
  using Tell = std::function<void(std::uint64_t n, Ns at, std::string error, HeardPtr said)>;
  Verdict(Tell tell) : tell_(std::move(tell)) {}
  void operator()(std::uint64_t n, Ns at, std::string error, HeardPtr said = {}) const {
    tell_(n, at, std::move(error), std::move(said));
  }

 private:
  Tell tell_;
};

/// What is kept of an answer, of which `skipped` bytes more are gone already; null: there is none, and no `mismatch`
/// (Heard) to tell of.
std::shared_ptr<const Heard> kept(std::string_view output, std::string_view errors = {}, std::uint64_t skipped = 0,
                                  std::string mismatch = {});

/// "exit status: 0 wanted, 3 seen": what a Heard has as its mismatch. Both are cut where they are long.
std::string mismatch_text(std::string_view what, std::string_view wanted, std::string_view seen);
/// In quotation marks, cut where it is long.
std::string quoted_briefly(std::string_view text);
/// A field's value likewise, or "***" where the field's name announces a secret.
std::string field_text(const std::string& name, std::string_view value);

/// The number that the answer to request n holds; told before its verdict, of a probe that has `value`.
using TellValue = std::function<void(std::uint64_t n, double value)>;

class Asker {
 public:
  virtual ~Asker() = default;
  /// Sends request n now. The verdict may come before this returns. `deadline` is when the Prober will forget it.
  virtual void ask(std::uint64_t n, Ns deadline) = 0;
  /// What has been said to request n so far, which is about to be forgotten; null: nothing.
  virtual std::shared_ptr<const Heard> heard(std::uint64_t) { return {}; }
  /// Request n timed out: frees what it holds, and no verdict comes.
  virtual void forget(std::uint64_t n) = 0;
  /// When wake() wants to be called (CLOCK_MONOTONIC).
  virtual Ns wake_at() const { return kNever; }
  virtual void wake() {}
};

/// What an Asker is made from. The references outlive it.
struct Setting {
  const Probe& probe;
  const From& from;
  nursery::Nursery* nursery;
  EventLoop& loop;
  Verdict verdict;
  TellValue value = {};
};

}  // namespace faultline::probe
