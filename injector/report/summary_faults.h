// What the faults did, as the summary has it: an account (faults/account.h) beside what was asked.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "faults/account.h"
#include "injector/record/account_fields.h"
#include "injector/record/fields.h"

namespace faultline::report {

using record::field;

/// Quantiles of a measured time, in microseconds; null where nothing was measured.
struct TimeQuantiles {
  std::optional<double> p50, p90, p99, max;
  std::uint64_t count = 0;

  static constexpr const char* shape = "time quantiles";
  static constexpr auto fields =
      std::tuple{field("p50", &TimeQuantiles::p50, "half of the packets had at most this"),
                 field("p90", &TimeQuantiles::p90, "nine of ten"), field("p99", &TimeQuantiles::p99, "99 of 100"),
                 field("max", &TimeQuantiles::max, "all"),
                 field("count", &TimeQuantiles::count, "how many packets were measured")};
};

/// The counts by the names that they have here.
struct Counts : faults::Counts {
  static constexpr const char* shape = "counts";
  static constexpr auto fields = std::tuple{[](auto visit) {
                                              for (const auto& one : faults::kCounts)
                                                visit(field(one.in_summary, one.in, one.means));
                                            },
                                            field("bytes_matched", &faults::Counts::bytes, "of what was matched")};
};

struct FaultAtSite : Counts {
  std::string site;

  static constexpr const char* shape = nullptr;
  static constexpr auto fields =
      std::tuple{field("site", &FaultAtSite::site, "its name"), record::Among<Counts>{"of that site alone"}};
};

struct FaultAtTarget {
  std::string target;
  std::uint64_t packets_matched = 0;

  static constexpr auto fields = std::tuple{field("target", &FaultAtTarget::target, "its name"),
                                            field("packets_matched", &FaultAtTarget::packets_matched, "of it")};
};

struct LeftLineLate {
  std::uint64_t packets = 0, while_full = 0;

  static constexpr auto fields =
      std::tuple{field("packets", &LeftLineLate::packets, "that left the line more than 1 ms after they were due"),
                 field("while_full", &LeftLineLate::while_full, "of these: while the line was full")};
};

struct Fault : Counts {
  std::string name, kind;
  std::vector<std::string> on, peer;
  std::string direction = "both";
  double start_s = 0, end_s = 0;
  std::map<std::string, std::string> asked;
  std::string asked_text;
  std::optional<std::string> source;
  bool idle = false, counted = false;
  std::vector<FaultAtTarget> targets;
  std::uint64_t packets_undelivered = 0;
  faults::Undelivered undelivered;
  TimeQuantiles applied_delay_us, held_us, lateness_us;
  double lateness_limit_us = 0;
  LeftLineLate left_line_late;
  std::optional<double> onset_error_us, first_affected_s, last_affected_s;
  std::vector<FaultAtSite> sites;

  static constexpr const char* shape = "fault";
  static constexpr auto fields = std::tuple{
      field("name", &Fault::name, "its name"),
      field("kind", &Fault::kind, "`degrade`, `sever`, …"),
      field("on", &Fault::on, "its targets"),
      field("peer", &Fault::peer, "whose traffic with them; empty: everybody's"),
      field("direction", &Fault::direction, "`egress`, `ingress` or `both`"),
      field("start_s", &Fault::start_s, "its window, since T0"),
      field("end_s", &Fault::end_s, "likewise"),
      field("asked", &Fault::asked, "its kind's keys and values as a plan writes them, defaults included"),
      field("asked_text", &Fault::asked_text, "in one line, without defaults"),
      field("source", &Fault::source,
            "where what it plays is known from: `fact: …` or `reconstruction: …`; null: the plan does not say"),
      field("idle", &Fault::idle, "it asks for nothing: all of its values are zero"),
      field("counted", &Fault::counted, "the run got as far as to count; all counts are 0 otherwise"),
      record::Among<Counts>{"of all sites, in wire packets"},
      field("targets", &Fault::targets, "what it met of each of its targets"),
      field("packets_undelivered", &Fault::packets_undelivered, "selected, and not back as asked"),
      field("undelivered", &Fault::undelivered, "the same by why"),
      field("applied_delay_us", &Fault::applied_delay_us,
            "what the fault itself asked of a packet: delay, jitter, and the wait for its rate"),
      field("held_us", &Fault::held_us,
            "how long packets were held in all, as measured: with other faults' delays, a link's, the wait for "
            "[order](faults/degrade.md) and the lateness; of all that were held while the fault's rule was live, as it "
            "is for "
            "0.3 s after each episode, too"),
      field("lateness_us", &Fault::lateness_us, "how much longer than asked in all"),
      field("lateness_limit_us", &Fault::lateness_limit_us, "what is allowed of that, at p99"),
      field("left_line_late", &Fault::left_line_late, "packets"),
      field("onset_error_us", &Fault::onset_error_us, "first affected packet less the planned onset"),
      field("first_affected_s", &Fault::first_affected_s, "the first packet dropped or delayed, since T0"),
      field("last_affected_s", &Fault::last_affected_s, "the last"),
      field("sites", &Fault::sites, "what it did at each site")};
};

}  // namespace faultline::report
