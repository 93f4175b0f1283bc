// The journal's events from T0 on, until the run heals: what was done, what was seen, and what came in between.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "injector/base/units.h"
#include "injector/record/fields.h"
#include "injector/record/guard_window.h"
#include "injector/record/telemetry_fields.h"

namespace faultline::record {

/// What a device carried while one fault was in force: see pen::Share.
struct GoneBy {
  std::string fault;
  std::uint64_t packets = 0, bytes = 0;

  static constexpr auto fields =
      std::tuple{field("fault", &GoneBy::fault, "its name"), field("packets", &GoneBy::packets, "of the escape's"),
                 field("bytes", &GoneBy::bytes, "likewise")};
};

/// Packets may have bypassed a site's programs: see pen::Escape.
struct Escape {
  std::string site, device, hook, why;
  Ns from = 0;
  std::optional<Ns> until = {};  ///< absent: it had not ended
  std::uint64_t packets = 0;     ///< that the device carried that way meanwhile
  std::vector<std::string> faults = {};
  std::uint64_t bytes = 0;  ///< the same
  bool bounded = false;     ///< what the device carried is the most that can have gone by
  std::vector<GoneBy> by_fault = {};

  static constexpr const char* event = "escape";
  static constexpr const char* means =
      "packets may bypass the faults; written when it begins, when it ends, and at the run's end while it goes on: the "
      "last one counts";
  static constexpr auto fields = std::tuple{
      field("site", &Escape::site, "where"),
      field("device", &Escape::device, "on which device"),
      field("hook", &Escape::hook,
            "at which hook of it; of a device that came, or came back, it may be `egress and ingress`"),
      field("why", &Escape::why, "in words"),
      field("from", &Escape::from, "when all was well for the last time"),
      field("until", &Escape::until, "null: it is not over"),
      field("packets", &Escape::packets,
            "that the device carried this way meanwhile, while any fault, or a link of the lab, was in force there"),
      field("bytes", &Escape::bytes, "likewise"),
      field(
          "bounded", &Escape::bounded,
          "no more than that can have gone by: not so behind another program on the way out or an XDP "
          "program, which may keep packets from the device's counters, nor on hardware, whose counters may come late"),
      field("faults", &Escape::faults, "by which faults"),
      field(
          "by_fault", &Escape::by_fault,
          "of the packets, those while each was in force; of two at a time each has all, so that they do not add up")};

  /// What of it may have gone by one fault.
  GoneBy by(const std::string& fault) const {
    for (const auto& one : by_fault)
      if (one.fault == fault) return one;
    return {fault, packets, bytes};
  }
};

namespace events {

struct FaultBegin {
  std::string fault;
  Ns planned = 0;

  static constexpr const char* event = "fault_begin";
  static constexpr const char* means = "a fault is in force from here on";
  static constexpr auto fields =
      std::tuple{field("fault", &FaultBegin::fault, "its name"),
                 field("planned", &FaultBegin::planned,
                       "the kernel acts at this instant; the line's `t` is when the run's loop noticed")};
};

struct FaultEnd {
  std::string fault;
  Ns planned = 0;

  static constexpr const char* event = "fault_end";
  static constexpr const char* means = "it is off again";
  static constexpr auto fields =
      std::tuple{field("fault", &FaultEnd::fault, "its name"), field("planned", &FaultEnd::planned, "likewise")};
};

struct Sample {
  std::string probe;
  Ns due = 0, late = 0, latency = 0;
  bool ok = false;
  std::optional<std::string> error = {};
  std::optional<double> value = {};

  static constexpr const char* event = "sample";
  static constexpr const char* means = "one request";
  static constexpr auto fields =
      std::tuple{field("probe", &Sample::probe, "whose"),
                 field("due", &Sample::due, "when it was to be sent"),
                 field("late", &Sample::late, "how much later we sent it"),
                 field("latency", &Sample::latency, "from sending to the outcome"),
                 field("ok", &Sample::ok, "it succeeded"),
                 seldom("error", &Sample::error, "why not; there if it failed"),
                 seldom("value", &Sample::value, "the number that the answer held; there if it did")};
};

struct Samples {
  std::string probe;
  Ns from = 0, to = 0;
  std::map<std::string, std::uint64_t> failed;
  std::map<std::string, Histogram> failing;
  Histogram latency, late;

  static constexpr const char* event = "samples";
  static constexpr const char* means = "requests of a probe above 200 a second";
  static constexpr auto fields =
      std::tuple{field("probe", &Samples::probe, "whose"),
                 field("from", &Samples::from, "the cell of due times"),
                 field("to", &Samples::to, "its end, which is not in it"),
                 field("failed", &Samples::failed, "{error: count}"),
                 field("failing", &Samples::failing, "{error: [[ns, count], …]} how long they took to fail"),
                 field("latency", &Samples::latency, "[[ns, count], …] of those that succeeded"),
                 field("late", &Samples::late, "[[ns, count], …] of all: how much later we sent them")};
};

struct Answer {
  std::string probe;
  Ns due = 0;
  std::string error, output, errors;
  std::uint64_t left_out = 0;
  std::optional<std::string> mismatch = {};

  static constexpr const char* event = "answer";
  static constexpr const char* means =
      "what the first request of a probe that failed with an error, in each part of the run, was answered";
  static constexpr auto fields = std::tuple{
      field("probe", &Answer::probe, "whose"),
      field("due", &Answer::due, "when the request was to be sent"),
      field("error", &Answer::error, "why it failed"),
      field("output", &Answer::output,
            "the beginning of the body, or of the standard output; what cannot be seen is written out, secrets are "
            "`***`"),
      field("errors", &Answer::errors, "of the standard error, likewise"),
      field("left_out", &Answer::left_out, "bytes of both that are not here"),
      seldom("mismatch", &Answer::mismatch,
             "what was wanted, and what was seen instead: `exit status: 0 wanted, 3 seen`; absent: `error` says all")};
};

struct Telemetry : ConnectionSpan {
  std::string target;
  Ns from = 0, length = 0;
  std::optional<std::vector<PeerSpan>> peers = {};

  static constexpr const char* event = "telemetry";
  static constexpr const char* means =
      "what became of a target's TCP connections in a span of 100 ms in which anything did; written within a second or "
      "so";
  static constexpr auto fields = std::tuple{
      field("target", &Telemetry::target, "whose"), field("from", &Telemetry::from, "since when"),
      field("length", &Telemetry::length, "for how long, ns"), Among<ConnectionSpan>{"of its connections meanwhile"},
      seldom("peers", &Telemetry::peers, "the same by peer; there where peers are told apart")};
};

struct Uncounted {
  std::optional<std::string> target = {}, peer = {};
  std::vector<std::string> series = {};
  std::optional<Ns> from = {}, until = {};
  std::string why = {};

  static constexpr const char* event = "uncounted";
  static constexpr const char* means =
      "some of the telemetry is missing, or incomplete: a hypothesis that needs it is not judged, nor does a guard act "
      "that too little makes act";
  static constexpr auto fields = std::tuple{
      seldom("target", &Uncounted::target, "whose; absent: of all"),
      seldom("peer", &Uncounted::peer, "of these, only those with this target, which was not told from others"),
      field("series", &Uncounted::series, "which, as a plan calls them, `retransmits`, `rtt`; empty: all"),
      seldom("from", &Uncounted::from, "since when, since T0; absent: from the start"),
      seldom("until", &Uncounted::until, "until when; absent: to the end"),
      field("why", &Uncounted::why, "in words")};
};

struct Service {
  std::string host, what, detail;

  static constexpr const char* event = "service";
  static constexpr const char* means = "of a service of the lab";
  static constexpr auto fields =
      std::tuple{field("host", &Service::host, "whose"), field("what", &Service::what, "`started`, `ready`, `ended`"),
                 field("detail", &Service::detail, "more, in words")};
};

struct Learned {
  std::string name, site, address;

  static constexpr const char* event = "learned";
  static constexpr const char* means = "an answer of the DNS gave an address of a peer's name";
  static constexpr auto fields =
      std::tuple{field("name", &Learned::name, "the name"), field("site", &Learned::site, "where the answer was heard"),
                 field("address", &Learned::address, "the address")};
};

struct Target {
  std::string target, what, detail;
  std::optional<std::pair<Ns, Ns>> gap = {};

  static constexpr const char* event = "target";
  static constexpr const char* means = "something became of a target";
  static constexpr auto fields = std::tuple{
      field("target", &Target::target, "its name"), field("what", &Target::what, "`gone`, `replaced`, `lost`"),
      field("detail", &Target::detail, "in words"),
      seldom("gap", &Target::gap, "of `replaced`, [from, to]: no longer than that it had no faults")};
};

struct Warning {
  std::string message;

  static constexpr const char* event = "warning";
  static constexpr const char* means = "something that people should know";
  static constexpr auto fields = std::tuple{field("message", &Warning::message, "in words")};
};

struct Lapse {
  Ns from = 0, length = 1;

  static constexpr const char* event = "lapse";
  static constexpr const char* means = "the line stood still for longer than its lease, and faults were off";
  static constexpr auto fields =
      std::tuple{field("from", &Lapse::from, "since when"), field("length", &Lapse::length, "for how long, ns")};
};

struct Note {
  std::string text, by;

  static constexpr const char* event = "note";
  static constexpr const char* means = "a remark of somebody, by `faultline note`";
  static constexpr auto fields =
      std::tuple{field("text", &Note::text, "what was said"), field("by", &Note::by, "who said it")};
};

struct GuardActed : GuardTrip {
  std::string guard, probe, condition;
  std::optional<std::string> telemetry = {}, peer = {}, watched = {};

  static constexpr const char* event = "guard";
  static constexpr const char* means = "a guard acted; `abort` follows";
  static constexpr auto fields = std::tuple{
      field("guard", &GuardActed::guard, "its name"),
      field("probe", &GuardActed::probe, "whose requests it watched; empty: it watched connections or an event"),
      seldom("watched", &GuardActed::watched, "which event, then"),
      seldom("telemetry", &GuardActed::telemetry, "of which target, then"),
      seldom("peer", &GuardActed::peer, "of these, those with this target"),
      field("when", &GuardTrip::when, "the outcome that made it act"),
      field("condition", &GuardActed::condition, "what had come true"),
      field("observed", &GuardTrip::observed, "of the quantities that it asks for"),
      field("sent", &GuardTrip::sent, "requests in its window"),
      field("ok", &GuardTrip::ok, "of these: succeeded"),
      [](auto visit) {
        for (const auto& figure : GuardTrip::kFigures)
          visit(field(figure.name, figure.value, "of the latencies in its window; null: never"));
      }};
};

struct Abort {
  std::string by, reason;
  std::optional<Ns> when = {};

  static constexpr const char* event = "abort";
  static constexpr const char* means = "the run was stopped before its end";
  static constexpr auto fields = std::tuple{
      field("by", &Abort::by,
            "`signal`, `guard`, `lease`, `device`, `target`, `journal`, `user` (somebody with `faultline stop`)"),
      field("reason", &Abort::reason, "in words"), field("when", &Abort::when, "or null: the line's `t`")};
};

struct Trouble {
  int exit = 6;
  std::string message;

  static constexpr const char* event = "failure";
  static constexpr const char* means = "the run could not be done, or went wrong by our own fault";
  static constexpr auto fields = std::tuple{field("exit", &Trouble::exit, "the exit status: 3, 4 or 6"),
                                            field("message", &Trouble::message, "in words")};
};

}  // namespace events
}  // namespace faultline::record
