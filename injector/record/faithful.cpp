#include "injector/record/faithful.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "injector/base/text.h"
#include "injector/record/verdict.h"

namespace faultline::record {
namespace {

/// Why they are missing. Of those unaccounted for, only what an escape does not explain is in `lost`.
std::string lost_text(const Account& account, std::uint64_t lost) {
  faults::Undelivered undelivered = account.undelivered;
  undelivered.unaccounted -= undelivered.total() - lost;
  std::string text;
  for (const auto& one : faults::kUndelivered)
    if (const auto n = undelivered.*one.in; n > 0)
      text += fmt::format("{}{} {}", text.empty() ? "" : ", ", thousands(n), one.why);
  return text;
}

/// What an effect could have touched: "40 packets".
std::string subjects_of(const faults::Effect& effect, const faults::Counts& counts) {
  const bool flows = effect.uses == FL_USES(FL_FLOWS), clients = effect.uses == FL_USES(FL_CLIENTS);
  const auto n = flows ? counts.flows_met : clients ? counts.clients_met : counts.matched;
  return fmt::format("{} {}{}", thousands(n), flows ? "connection" : clients ? "client" : "packet", n == 1 ? "" : "s");
}

double share(std::uint64_t part, std::uint64_t whole) {
  if (part == 0) return 0;
  return whole == 0 ? 1 : static_cast<double>(part) / static_cast<double>(whole);
}

/// An escape that touched a fault, and how many of the fault's returned packets it kept from being counted. Those left
/// by a device without a program of ours: they are not lost.
struct InTheWay {
  const Escape* escape;
  GoneBy gone;  ///< while this fault was in force
  std::uint64_t unseen = 0;
};

std::vector<InTheWay> escapes_of(const Recording& r, const FaultRecord& fault, const Account& account) {
  std::vector<InTheWay> all;
  auto unseen = account.unseen;
  const Ns end = std::min(fault.end, r.observed_until());
  for (const auto& escape : r.escapes) {
    if (std::find(escape.faults.begin(), escape.faults.end(), fault.name) == escape.faults.end()) continue;
    if (escape.from >= end || (escape.until && *escape.until <= fault.start)) continue;
    InTheWay& one = all.emplace_back(InTheWay{&escape, escape.by(fault.name)});
    for (auto& missing : unseen) {
      if (missing.site != escape.site || missing.device != escape.device || missing.hook != escape.hook) continue;
      // What the device never sent did not leave by it. What goes back inwards it does not count.
      const bool sent = escape.bounded && escape.hook == "egress";
      const auto explained = sent ? std::min(missing.packets, escape.packets) : missing.packets;
      one.unseen += explained;
      missing.packets -= explained;
    }
  }
  return all;
}

/// The share of a fault's packets that may go astray.
struct Allowed {
  double share = 0;
  const char* why = "";
};

Allowed allowed_of(const Recording& r, const FaultRecord& fault, const Account& account) {
  Allowed allowed{r.tolerance.packets};
  if (fault.loss <= 0) return allowed;
  // Of what was asked or, where that varies, of what came of it: the lesser.
  double loss = fault.loss;
  if (account.dropped > 0) loss = std::min(loss, share(account.dropped, account.matched));
  if (r.tolerance.of_loss * loss < allowed.share)
    allowed = {r.tolerance.of_loss * loss, " for the loss that was asked"};
  return allowed;
}

std::string bit_rate(double bits_a_second) {
  if (bits_a_second >= 0.95e9) return fmt::format("{:.1f} Gb/s", bits_a_second / 1e9);
  return fmt::format("{:.3g} Mb/s", bits_a_second / 1e6);
}

/// "it carried 9.4 Gb/s, 131,000 packets a second, and no more".
std::string carried(const LineStats::Full& full) {
  const double seconds = static_cast<double>(full.time_us) / 1e6;
  if (seconds <= 0) return "how many it carried was not recorded";
  return fmt::format("for {} it carried {}, {} packets a second, and could no more",
                     short_duration(static_cast<Ns>(seconds * kSecond)),
                     bit_rate(static_cast<double>(full.bytes) * 8 / seconds),
                     thousands(static_cast<std::uint64_t>(static_cast<double>(full.packets) / seconds)));
}

/// What bounded escapes let by, as a share of what the fault met where they were: the worst of its sites, since one
/// that met a thousand times more would hide that another had no fault.
double share_gone_by(const std::vector<InTheWay>& escapes, const Account& account) {
  std::map<std::string, faults::Counts> by;  // packets and bytes alone
  for (const auto& one : escapes) {
    if (!one.escape->bounded) continue;
    by[one.escape->site].matched += one.gone.packets;
    by[one.escape->site].bytes += one.gone.bytes;
  }
  double most = 0;
  for (const auto& [site, gone] : by) {
    const faults::Counts* met = &account;
    for (const auto& own : account.sites)
      if (own.site == site) met = &own;
    most = std::max({most, share(gone.matched, met->matched), share(gone.bytes, met->bytes)});
  }
  return most;
}

/// What is known of why the line's thread did not run, to be put behind "was late".
std::string scheduling(const LineStats::Urgency& line) {
  if (line.refused > 0) return "; the kernel granted no real-time class: `faultline doctor` says what helps";
  if (line.fell_back > 0)
    return fmt::format(
        "; the thread that holds packets had used up its real-time budget {} times, and waited for a CPU like others "
        "for {}",
        thousands(line.fell_back), short_microseconds(static_cast<double>(line.ordinary_us)));
  return {};
}

}  // namespace

std::optional<std::string> lateness_finding(const Recording& r, const FaultRecord& fault) {
  const Account& account = *fault.account;
  const LineStats line = r.line_stats.value_or(LineStats{});
  const Ns limit = lateness_limit(fault);
  if (account.lateness.count == 0 || account.lateness.p99 * 1000 <= static_cast<double>(limit)) return {};
  const std::string beyond = short_microseconds(account.lateness.p99), allowed = short_duration(limit);
  if (account.left_late.full > 0 && account.left_late.full * 2 >= account.left_late.all)
    return fmt::format(
        "had more packets to hold than Faultline can carry: {}, so packets were held p99 {} longer than asked, at most "
        "{} is allowed (less traffic helps, or a `rate` below that in the fault)",
        carried(line.full), beyond, allowed);
  return fmt::format("was late: p99 {} beyond what was asked, at most {} is allowed{}", beyond, allowed,
                     scheduling(line.realtime.line));
}

Strays strays(const Recording& r, const FaultRecord& fault) {
  const Account account = fault.account.value_or(Account{});
  const auto escapes = escapes_of(r, fault, account);
  std::uint64_t lost = account.undelivered.total(), passed = account.passed_by_safety;
  for (const auto& one : escapes) lost -= std::min(lost, one.unseen);
  const double gone_by = share_gone_by(escapes, account);
  const double astray = share(lost + passed, account.matched) + gone_by;
  const Allowed allowed = allowed_of(r, fault, account);
  const bool material = astray > 0 && astray >= allowed.share;
  const auto weighed = [&](const std::string& of, const char* where = "") {
    if (account.matched == 0) return std::string();
    return material ? fmt::format("; that is {} of what it met{}, and less than {} is allowed{}", of, where,
                                  percent(allowed.share), allowed.why)
                    : fmt::format("; that is {} of what it met{}: too few to matter", of, where);
  };
  Strays result;
  const auto say = [&](bool matters, std::string text) {
    (matters ? result.reasons : result.warnings).push_back(fmt::format("fault \"{}\"{}", fault.name, text));
  };
  if (lost + passed > 0) {
    std::string text;
    if (lost > 0)
      text = fmt::format(" took {} packets that it never gave back ({})", thousands(lost), lost_text(account, lost));
    if (passed > 0)
      text += fmt::format("{} was lifted for {} packets by its safety (the injector was stopped or hung)",
                          lost > 0 ? ", and" : "", thousands(passed));
    const double own = share(lost + passed, account.matched);
    if (material && own < allowed.share)  // it is the sum that is too much
      text += fmt::format(
          "; together with what bypassed the fault, that is {} of what it met, and less than {} is allowed{}",
          percent(std::min(1.0, astray)), percent(allowed.share), allowed.why);
    else
      text += weighed(percent(own));
    say(material, text);
  }
  for (const auto& [escape, gone, unseen] : escapes) {
    std::string text = ": " + escape_text(*escape);
    if (gone.packets < escape->packets)
      text += fmt::format(", {} of them while this fault was in force",
                          gone.packets == 0 ? "none" : thousands(gone.packets));
    if (unseen > 0) text += fmt::format("; {} of the packets that it had held left there uncounted", thousands(unseen));
    if (!escape->bounded)
      say(true, text);
    else
      say(material && gone.packets > 0,
          text + (gone.packets > 0 ? weighed("at most " + percent(std::min(1.0, gone_by)), " there") : ""));
  }
  return result;
}

std::vector<Idleness> idleness(const FaultRecord& fault) {
  std::vector<Idleness> all;
  const Account& account = *fault.account;
  if (account.matched == 0 || fault.idle) return all;
  for (const auto* effect : account.asks) {
    if (effect->touched(account)) continue;
    if (effect->uses == faults::kAsksForSilence)  // who sends keepalives does what is to be shown
      all.push_back({false, fmt::format("forgot nothing: none of the {} connections that it met was silent for so long",
                                        thousands(account.flows_met))});
    else if (effect->uses == faults::kAsksForBreak)
      all.push_back({true, fmt::format("cut nothing: none of the {} connections that it met carried so much",
                                       thousands(account.flows_met))});
    else if (effect->uses != FL_USES(FL_RATE))
      all.push_back({true, fmt::format("drew nothing: its {} touched none of the {} that it met", effect->name,
                                       subjects_of(*effect, account))});
    else  // beside other effects it describes a link, which may well be wide enough
      all.push_back(
          {account.asks.size() == 1,
           fmt::format("held nothing back: of the {} that it met none had to wait for its rate{}",
                       subjects_of(*effect, account),
                       account.composed > 0 ? ", which the traffic never reached, or another fault's was lower"
                                            : ": the traffic never reached it")});
  }
  return all;
}

}  // namespace faultline::record
