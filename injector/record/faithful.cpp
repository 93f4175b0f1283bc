#include "injector/record/faithful.h"

#include <fmt/format.h>

#include <algorithm>

#include "injector/base/text.h"
#include "injector/record/verdict.h"

namespace faultline::record {
namespace {

using nlohmann::json;

std::string undelivered_text(const faults::Undelivered& undelivered) {
  std::string text;
  for (const auto& one : faults::kUndelivered)
    if (const auto n = undelivered.*one.in; n > 0)
      text += fmt::format("{}{} {}", text.empty() ? "" : ", ", thousands(n), one.why);
  return text;
}

std::string bit_rate(double bits_a_second) {
  if (bits_a_second >= 0.95e9) return fmt::format("{:.1f} Gb/s", bits_a_second / 1e9);
  return fmt::format("{:.3g} Mb/s", bits_a_second / 1e6);
}

/// A number of the line's statistics; 0 where it is not known.
double statistic(const Recording& r, const char* pointer) {
  const json::json_pointer at(pointer);
  return r.line_stats.is_object() && r.line_stats.contains(at) && r.line_stats.at(at).is_number()
             ? r.line_stats.at(at).get<double>()
             : 0;
}

/// "it carried 9.4 Gb/s, 131,000 packets a second, and no more".
std::string carried(const Recording& r) {
  const double seconds = statistic(r, "/full/time_us") / 1e6;
  if (seconds <= 0) return "it had more to carry than it could";
  return fmt::format("for {} it carried {}, {} packets a second, and could no more",
                     short_duration(static_cast<Ns>(seconds * kSecond)),
                     bit_rate(statistic(r, "/full/bytes") * 8 / seconds),
                     thousands(static_cast<std::uint64_t>(statistic(r, "/full/packets") / seconds)));
}

/// What is known of why the line's thread did not run, to be put behind "was late".
std::string scheduling(const Recording& r) {
  if (statistic(r, "/realtime/line/refused") > 0)
    return "; the kernel granted no real-time class: `faultline doctor` says what helps";
  if (const double times = statistic(r, "/realtime/line/fell_back"); times > 0)
    return fmt::format("; the line had used up its real-time budget {} times, and waited for a CPU like others for {}",
                       thousands(static_cast<std::uint64_t>(times)),
                       short_microseconds(statistic(r, "/realtime/line/ordinary_us")));
  return {};
}

}  // namespace

std::optional<std::string> lateness_finding(const Recording& r, const FaultRecord& fault) {
  const Account& account = *fault.account;
  const Ns limit = lateness_limit(fault);
  if (account.lateness.count == 0 || account.lateness.p99 * 1000 <= static_cast<double>(limit)) return {};
  const std::string beyond = short_microseconds(account.lateness.p99), allowed = short_duration(limit);
  if (account.left_late.full > 0 && account.left_late.full * 2 >= account.left_late.all)
    return fmt::format(
        "met a full line: {}, so packets were held p99 {} longer than asked, at most {} is allowed (less traffic, or a "
        "`rate` below that in the fault, keeps the line from filling)",
        carried(r), beyond, allowed);
  return fmt::format("was late: p99 {} beyond what was asked, at most {} is allowed{}", beyond, allowed, scheduling(r));
}

std::optional<Astray> astray(const Recording& r, const FaultRecord& fault) {
  const Account& account = *fault.account;
  const std::uint64_t lost = account.undelivered.total(), passed = account.passed_by_safety;
  if (lost + passed == 0) return {};
  Astray result;
  if (lost > 0)
    result.text = fmt::format("took {} packets that it never gave back ({})", thousands(lost),
                              undelivered_text(account.undelivered));
  if (passed > 0)
    result.text += fmt::format("{}was lifted for {} packets by its safety (the injector was stopped or hung)",
                               lost > 0 ? ", and " : "", thousands(passed));
  if (account.matched == 0) return result;
  const auto matched = static_cast<double>(account.matched);
  double limit = r.tolerance.packets;
  const char* why = "";
  if (fault.loss > 0) {
    // Of what was asked or, where that varies, of what came of it: the lesser.
    double loss = fault.loss;
    if (account.dropped > 0) loss = std::min(loss, static_cast<double>(account.dropped) / matched);
    if (r.tolerance.of_loss * loss < limit) {
      limit = r.tolerance.of_loss * loss;
      why = " for the loss that was asked";
    }
  }
  const double share = static_cast<double>(lost + passed) / matched;
  result.material = share >= limit;
  result.text += result.material ? fmt::format("; that is {} of what it met, and less than {} is allowed{}",
                                               percent(share), percent(limit), why)
                                 : fmt::format("; that is {} of what it met: too few to matter", percent(share));
  return result;
}

}  // namespace faultline::record
