// Requests, or spans of a target's connections, that come and go, against conditions: what a window that slides over
// them knows at each instant, without looking at all of them again. Guards and `eventually` stand on it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "injector/plan/conditions.h"
#include "injector/record/distribution.h"
#include "injector/record/telemetry_fields.h"

namespace faultline::record {

class Tally {
 public:
  /// What a bound on those that failed, or succeeded, is worth where there are none.
  enum class OfNone { never, as_judged };  ///< as_judged: an upper bound on those that failed then holds

  /// Of one request, or of `count` alike.
  struct Request {
    bool ok = true;
    Ns latency = 0;
    std::string_view error = {};
    std::int64_t count = 1;
  };

  /// `conditions` have no bound in times of a baseline.
  Tally(const plan::Conditions& conditions, OfNone of_none);
  void add(const Request& request) { count(request, request.count); }
  void remove(const Request& request) { count(request, -request.count); }
  void add(const ConnectionSpan& span) { count(span, 1); }
  void remove(const ConnectionSpan& span) { count(span, -1); }

  std::uint64_t sent() const { return sent_; }
  std::uint64_t ok() const { return ok_; }
  /// Whether all conditions are true of what is in it, which lasts `length`. Not of nothing, unless it is known that
  /// there was nothing: numbers are then 0, and quantiles and shares still hold of none.
  bool holds(Ns length, bool nothing_is_known = false) const;
  /// What the conditions look at comes to, in words: "success 99.2% (1,190 of 1,200), p99: 98.4% within 250 ms".
  std::string standing(Ns length) const;

 private:
  /// How many latencies are within a bound: what decides it.
  struct Quantile {
    plan::Conditions::Key key;
    plan::Bound bound;
    std::uint64_t of = 0, within = 0;
    bool takes(const Request& request) const;
    bool is_within(const Request& request) const;
    bool is_within(Ns value) const;
    bool holds(OfNone of_none) const;
  };
  /// A number of connections.
  struct Number {
    plan::Conditions::Key key;
    plan::Bound bound;
    std::uint64_t count = 0;
  };
  struct Error {
    std::string name;
    plan::Bound bound;
    std::uint64_t count = 0;
  };
  void count(const Request& request, std::int64_t by);
  void count(const ConnectionSpan& span, std::int64_t by);

  plan::Conditions conditions_;
  OfNone of_none_;
  std::vector<Quantile> quantiles_;
  std::vector<Error> errors_;
  std::vector<Number> numbers_;
  std::uint64_t sent_ = 0, ok_ = 0;
  std::uint64_t spans_ = 0;
};

/// A figure of requests in words, by what it is asked for as: "success 99.2% (1,190 of 1,200)", "failures 3",
/// "throughput 48.3/s".
std::string share_text(std::uint64_t ok, std::uint64_t sent);
std::string count_text(const plan::Conditions::Key& key, std::uint64_t sent, std::uint64_t ok, Ns length);
/// "errors.timeout 1.2% (14 of 1,200)"
std::string error_text(const std::string& name, std::uint64_t count, std::uint64_t sent);
/// What a figure other than a quantile or a share of errors comes to.
double figure_of(const plan::Conditions::Key& key, std::uint64_t sent, std::uint64_t ok, Ns length);
/// Whether `count` of `sent` requests are within a bound on an error.
bool error_holds(const plan::Bound& bound, std::uint64_t count, std::uint64_t sent);

}  // namespace faultline::record
