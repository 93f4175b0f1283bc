// What the user wrote, checked: targets, probes, faults on a timeline, hypotheses, optionally a lab. Passive data.
// Every name in it resolves, every value is in range, every duration has gone through --scale; nothing in it knows the
// machine.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "faults/kind.h"
#include "injector/base/units.h"
#include "injector/plan/conditions.h"
#include "injector/plan/value_bounds.h"
#include "injector/probe/kind.h"

namespace faultline::plan {

/// Where something stands in a plan file. Lines and columns count from 1.
struct SourcePlace {
  std::uint32_t line = 0, column = 0;
};

struct PortRange {
  std::uint16_t first = 0, last = 0;
  bool operator==(const PortRange&) const = default;
};

/// Something that a fault is on, or that its traffic goes to and from.
struct Target {
  enum class Where {
    none,       ///< no namespace: only an address, port or protocol; usable as `peer`
    netns,      ///< `netns = "name"` or a path
    interface,  ///< one device of `netns`
    cgroup,     ///< sockets of a cgroup: its path below the root of the hierarchy
    pid,        ///< sockets of a process
    process,    ///< sockets of all processes of a name
    unit,       ///< sockets of a systemd unit
    container,  ///< of docker or podman: a namespace, or sockets when it shares one
    pod,        ///< of Kubernetes, by uid or name: the same
    host,       ///< a host of the lab
    room,       ///< every host of a room of the lab
    link,       ///< both ends of a link between rooms of the lab
    reserved    ///< never in a Plan that passed: what it is cannot be read
  };
  enum class IfGone { proceed, abort };
  std::string name;
  Where where = Where::none;
  std::string subject;                 ///< what it is found by: the namespace, the device, the unit, the host, …
  std::vector<std::string> addresses;  ///< IP, CIDR, or the name of a host
  std::string protocol;                ///< "tcp" | "udp" | "icmp" | ""
  std::vector<PortRange> ports;        ///< as a peer: its port; as `on`: the site's own port
  SourcePlace at;
  std::string netns = {};            ///< interface: the device's namespace; empty: the caller's
  IfGone if_gone = IfGone::proceed;  ///< what to do when it ends during the run
  Ns wait = 0;                       ///< how long it may take to appear before the run begins

  /// Whether the run makes it: there is nothing to be found on the machine before.
  bool of_the_lab() const { return where == Where::host || where == Where::room || where == Where::link; }
};

/// A probe, and where it asks from.
struct Probe : probe::Probe {
  std::string from;  ///< a target's or lab host's name, or "here"; filled in by the parser
  SourcePlace at;
};

enum class Direction { both, egress, ingress };

/// A part of a fault whose sites and peers differ from place to place: a partition has two for each of its members.
struct Leg {
  std::vector<std::string> on, peer;  ///< target names
  Direction direction = Direction::both;
};

struct Fault {
  std::string name;
  const faults::Kind* kind = nullptr;
  std::vector<std::string> on;    ///< target names
  std::vector<std::string> peer;  ///< target names; empty: all traffic of `on`
  std::vector<Leg> legs;          ///< of a partition: what `on`, `peer` and `direction` come to; else empty
  Direction direction = Direction::both;
  bool idle = false;      ///< it asks for nothing: all of its values are zero
  Ns start = 0, end = 0;  ///< since T0; scaled
  faults::Params params;  ///< of its kind's keys
  faults::Params common;  ///< of fault_keys()
  /// Where what it plays is known from: "fact: the post-mortem, 12:01 UTC", "reconstruction: no figures were
  /// published".
  std::optional<std::string> source = {};
  SourcePlace at;
};

/// The keys that any fault may have beside whom it is about, and when. A row makes it a key of the plan, an option of
/// `faultline inject` and a field of the journal and its recording; what it means is said where it is asked for.
std::span<const faults::Key> fault_keys();

/// What hypotheses and guards have in common: whom they are about, when, and what they ask of it.
struct Asking : Conditions, ValueBounds {
  std::string name;    ///< generated when absent: "pay during room-jitter: success >= 99%"
  std::string probe;   ///< whose requests
  std::string during;  ///< a phase: "run", "baseline", a fault's name, or "recovery"
  SourcePlace at = {};
  std::optional<std::string> telemetry = {};  ///< a target, whose connections it is about: `probe` is empty then
  std::optional<std::string> peer = {};       ///< of these, those with this target
};

/// What ought to hold of the requests that were due in a window, a phase or a part of one; or of the connections that a
/// target had in it; or of an event; or how soon a fault is to be noticed. `during` is empty for recovers_within alone.
struct Hypothesis : Asking {
  Ns after = 0;                       ///< where in the phase the window begins; scaled
  std::optional<Ns> length = {};      ///< `for`: of the window; none: to the phase's end; scaled
  std::optional<Ns> eventually = {};  ///< after this time at the latest the conditions hold; never scaled
  std::optional<Ns> stays = {};       ///< with `eventually`: for so long; none: to the window's end
  std::optional<Ns> recovers_within = {};
  std::optional<std::string> event = {};        ///< it is about this one of [[events]], and `probe` is empty
  std::optional<std::string> after_event = {};  ///< the window begins `after` its first line in the phase
  std::optional<Bound> seen = {};               ///< with `event`: how many lines in the window are it
  /// Since the fault `during` begins: until `event` is seen, or, without one, until traffic no longer goes into it.
  std::optional<Ns> detects_within = {};

  /// [begin, end) of the window in a phase; empty where the phase is too short.
  std::pair<Ns, Ns> window_in(Ns begin, Ns end) const {
    const Ns from = std::min(end, begin + after);
    return {from, length ? std::min(end, from + *length) : end};
  }
};

/// When to give up: all of its conditions true, at once, of the requests whose outcome became known in the last
/// `window`, or of the connections in it. The run then heals and ends (docs/guards.md). Only what is due in `during`
/// counts; empty: in the whole run.
struct Guard : Asking {
  Ns window = 0;                     ///< `for`; never scaled, as timeouts are not
  std::optional<std::string> event;  ///< or it watches for one of `events`, in place of a probe
  std::optional<Bound> seen;         ///< then: how often it was seen in the window
};

/// Whom or what it is about: "pay", "web's connections with bank", `event "NAME"`, "traffic".
std::string subject_text(const Hypothesis& hypothesis);
std::string subject_text(const Asking& asking);
std::string subject_text(const Guard& guard);
/// "seen >= 1, seen within 5s"; empty where it asks for neither.
std::string detection_text(const Hypothesis& hypothesis);
/// "success < 20%, p99 > 2s for 10s"
std::string condition_text(const Guard& guard);
/// "success >= 99%, recovers within 5s"
std::string condition_text(const Hypothesis& hypothesis);
/// Of which requests, in words: "cut", "cut, from 15s for 10s"; empty for recovers_within alone.
std::string window_text(const Hypothesis& hypothesis);

/// Something that has a name when it is seen: a line of a log, or a value in a probe's answers that is beyond a bound.
struct Event {
  std::string name;
  std::string log;    ///< a host of the lab: what its service writes; else empty
  std::string file;   ///< or a file of this machine, its whole path; else empty
  std::string match;  ///< some part of the line does (base/pattern.h); of a probe's value: the bound's text
  std::optional<std::string> probe = {};  ///< or a probe, of whose answers the value is looked at
  std::optional<Bound> value = {};        ///< then: seen when it holds and did not before
  SourcePlace at = {};
};

/// Where it is looked for: "what edge writes", "/var/log/syslog", "the answers of probe alerts".
std::string source_text(const Event& event);

constexpr std::size_t kMostEvents = 32;
constexpr Ns kStopSeen = kSecond;  ///< for how long traffic has to stay away to have stopped

/// One design of several that the same plan puts to the same test: values of [vars], and what is expected of it.
struct Arm {
  std::string name;
  std::map<std::string, std::string> variables;
  std::vector<std::string> fails;  ///< hypotheses that must not hold, these and no other; none: all hold
  SourcePlace at = {};
};

// ---- the lab ----

struct Ready {
  std::optional<std::uint16_t> tcp;  ///< this port of the host accepts a connection
  std::string http;                  ///< or this URL, asked from inside the host, answers 2xx
  std::vector<std::string> command;  ///< or this exits 0
  Ns within = 10 * kSecond;
};

struct LabHost {
  std::string name, room;
  std::vector<std::string> command;  ///< argv; `command = "a b"` is not split by a shell. Empty: the host only exists
  std::string user;                  ///< run the command as this user; empty: as root
  std::map<std::string, std::string> environment;
  std::optional<Ready> ready;
  std::vector<std::string> after;  ///< hosts that must be ready before this one's command starts
  std::size_t clients = 1;         ///< addresses it has: a host may stand for many clients
  SourcePlace at;
};

struct LabLink {
  std::string name;
  std::string a, b;  ///< rooms
  Ns delay = 0;      ///< one way, each way: a standing condition before any fault
  SourcePlace at;
};

struct Lab {
  std::vector<std::string> rooms;
  std::vector<LabHost> hosts;
  std::vector<LabLink> links;
};

constexpr std::size_t kMostTelemetry = 32;         ///< targets whose connections a run counts
constexpr std::uint32_t kMostPeers = 15;           ///< of all of these, told apart
constexpr Ns kTelemetrySpan = 100 * kMillisecond;  ///< for each of which they are counted

/// What is counted of connections beside the common.
struct TelemetryOptions {
  bool turns = false;       ///< how long answers take
  std::uint32_t peers = 8;  ///< told apart, those that hypotheses and guards name among them
};

/// What an attempt to open a connection fails by, as a probe would call it: "refused", "timeout", …
const std::vector<std::string>& connection_errors();

/// A file that the plan names, as it was when the plan was read: kept with the record of the run.
struct InputFile {
  std::string path;  ///< absolute
  std::string text;
};

/// How much may go astray with only a warning, as shares: too little to change what a hypothesis says.
struct Tolerance {
  double packets = 0.001;  ///< undelivered and passed by safety, of what a fault matched
  double of_loss = 0.1;    ///< the same, of a loss that was asked
};

struct Plan {
  std::string path;       ///< as given on the command line
  std::string directory;  ///< of the plan, absolute: ${plan_dir}
  std::string text;       ///< verbatim
  std::string title;
  std::string name;  ///< the file's stem: names the run folder
  std::uint64_t seed = 0;
  bool seed_given = false;
  Ns duration = 0;              ///< of the run; the default is worked out by the parser
  double scale = 1;             ///< timeline divisor in force, for the record
  std::vector<Target> targets;  ///< lab hosts, rooms and links are targets by their own name too
  std::vector<Probe> probes;
  std::vector<Fault> faults;
  std::vector<Hypothesis> hypotheses;
  std::vector<Guard> guards;
  std::vector<Event> events;
  std::vector<std::string> telemetry;  ///< targets whose connections are counted (injector/observe/telemetry)
  TelemetryOptions telemetry_options;
  Tolerance tolerance;
  std::optional<Lab> lab;
  std::vector<InputFile> inputs;                 ///< each file once
  std::map<std::string, std::string> variables;  ///< the plan's own, with the values in force
  std::set<std::string> from_files;              ///< variables whose value a file gave, which the record does not hold
  std::vector<Arm> arms;                         ///< of a plan that compares designs
  std::string arm;                               ///< the one that this is read as; empty: the plan has none

  /// Whether nobody else is to see a variable's value: by its name, or as a file gave it.
  bool is_secret(const std::string& variable) const;
  /// The values of those, but for such as are so short that they would be found in any text.
  std::vector<std::string> secret_values() const;
  /// What `arm` expects; null without arms.
  const Arm* chosen_arm() const {
    for (const auto& one : arms)
      if (one.name == arm) return &one;
    return nullptr;
  }

  const Target* find_target(const std::string& target_name) const {
    for (const auto& t : targets)
      if (t.name == target_name) return &t;
    return nullptr;
  }
};

/// Whether a fault takes in the lo device of `on`, one of its targets. A plan may say so; else what cuts (sever,
/// partition, flap) leaves out the lo of a whole machine, as a cut fibre does, unless a peer is a loopback address.
bool takes_in_loopback(const Plan& plan, const Fault& fault, const Target& on);

}  // namespace faultline::plan
