// The account of one fault: what happened to its packets, per site and in all. One struct from the kernel's counters to
// the journal, the verdict and the report; the counts are those of FL_EACH_COUNT (counts_abi.h), so that a new one is
// one line there.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "faults/abi.h"
#include "injector/base/units.h"

namespace faultline::faults {

/// Wire packets, by what happened to them; see FL_EACH_COUNT.
struct Counts {
#define FL_FIELD(name, means) std::uint64_t name = 0;
  FL_EACH_COUNT(FL_FIELD)
  FL_EACH_DRAW(FL_FIELD)
#undef FL_FIELD
  std::uint64_t bytes = 0;  ///< of what was matched
};

struct CountName {
  const char* name;
  std::uint64_t Counts::*in;
  __u64 fl_tally::*of_rule;
  const char* in_summary;
  const char* means;
};
inline constexpr CountName kCounts[] = {
#define FL_NAME(name, means) {#name, &Counts::name, &fl_tally::name, "packets_" #name, means},
    FL_EACH_COUNT(FL_NAME)
#undef FL_NAME
#define FL_NAME(name, means) {#name, &Counts::name, &fl_tally::name, #name, means},
        FL_EACH_DRAW(FL_NAME)
#undef FL_NAME
};

/// Beside the tracks, what a rule asks for that follows connections.
enum : std::uint32_t { kAsksForSilence = 1u << 16, kAsksForBreak = 1u << 17 };
static_assert(kAsksForSilence > FL_USES(FL_TRACKS));

/// What a fault can ask for that may touch no packet although it meets some: by chance, or since nothing was there to
/// be touched. Whether it did follows from the counts, whatever the kind.
struct Effect {
  const char* name;
  std::uint32_t uses;  ///< the tracks that ask for it
  bool (*touched)(const Counts&);
};
inline constexpr Effect kEffects[] = {
    {"loss", FL_USES(FL_LOSS), [](const Counts& c) { return c.dropped > c.dead; }},
    {"flows", FL_USES(FL_FLOWS), [](const Counts& c) { return c.flows_dead > 0; }},
    {"clients", FL_USES(FL_CLIENTS), [](const Counts& c) { return c.clients_dead > 0; }},
    {"duplicate", FL_USES(FL_DUPLICATE), [](const Counts& c) { return c.duplicated > 0; }},
    {"corrupt", FL_USES(FL_CORRUPT), [](const Counts& c) { return c.corrupted > 0; }},
    {"reorder", FL_USES(FL_REORDER), [](const Counts& c) { return c.reordered > 0; }},
    // What is lost cannot be delayed as well.
    {"delay", FL_DELAYING, [](const Counts& c) { return c.delayed > 0 || c.matched <= c.dropped + c.queue_dropped; }},
    {"silence", kAsksForSilence, [](const Counts& c) { return c.flows_dead > 0; }},
    {"after", kAsksForBreak, [](const Counts& c) { return c.flows_dead > 0; }},
    // A rate is a ceiling: what stays below it is as if there were none.
    {"rate", FL_USES(FL_RATE), [](const Counts& c) { return c.paced + c.queue_dropped > 0 || c.matched <= c.dropped; }},
};

/// Why packets were left out, for people: "left out 12 packets (5 …)".
struct LeftOutName {
  std::uint64_t Counts::*in;
  const char* why;
};
inline constexpr LeftOutName kLeftOut[] = {
    {&Counts::left_out_nat, "of connections that are translated, untracked or in a zone (NAT, notrack, IPVS)"},
    {&Counts::left_out_local,
     "on lo that no route would lead back: broadcast, multicast, to a link-local address, or to an address of another "
     "device where nobody listens but a socket that is bound to that device"},
    {&Counts::left_out_tunnel, "with a tunnel's far end of their own (external tunnels, encap routes)"},
    {&Counts::left_out_ipsec, "of IPsec, decrypted already, or to be encrypted by a device"},
    {&Counts::left_out_large, "of more than 65,535 bytes"},
    {&Counts::left_out_timed, "to be sent at a time of the wall clock (SO_TXTIME)"},
};

/// Wire packets that were selected and did not come back as asked, by why.
struct Undelivered {
  std::uint64_t full = 0;         ///< the line's byte limit
  std::uint64_t overdue = 0;      ///< the line had been stopped beyond the lease
  std::uint64_t refused = 0;      ///< the device did not take them back
  std::uint64_t tap_queue = 0;    ///< the TAP's queue was full
  std::uint64_t in_transit = 0;   ///< still under way when the counters were read
  std::uint64_t unaccounted = 0;  ///< left the line, and were not seen again at their device
  std::uint64_t untaken = 0;      ///< passed on untouched: no slot was free, or the frame could not be stamped

  std::uint64_t total() const;
  Undelivered& operator+=(const Undelivered& other);
};

struct UndeliveredName {
  const char* name;
  std::uint64_t Undelivered::*in;
  const char* why;  ///< for people
};
inline constexpr UndeliveredName kUndelivered[] = {
    {"full", &Undelivered::full, "beyond what may be held"},
    {"overdue", &Undelivered::overdue, "overdue after a stop"},
    {"refused", &Undelivered::refused, "refused by the device"},
    {"tap_queue", &Undelivered::tap_queue, "TAP queue full"},
    {"in_transit", &Undelivered::in_transit, "still in transit"},
    {"unaccounted", &Undelivered::unaccounted, "unaccounted for"},
    {"untaken", &Undelivered::untaken, "passed on untouched"},
};

inline std::uint64_t Undelivered::total() const {
  std::uint64_t sum = 0;
  for (const auto& one : kUndelivered) sum += this->*one.in;
  return sum;
}
inline Undelivered& Undelivered::operator+=(const Undelivered& other) {
  for (const auto& one : kUndelivered) this->*one.in += other.*one.in;
  return *this;
}

/// A measured time, by its quantiles in microseconds. All zero when count is 0.
struct TimeQuantiles {
  double p50 = 0, p90 = 0, p99 = 0, max = 0;
  std::uint64_t count = 0;
};

/// Wire packets that left the line more than 1 ms after they were due, and of these those that did because it was full.
struct LeftLate {
  std::uint64_t all = 0, full = 0;
};

/// What a fault did at one of its sites.
struct SiteAccount : Counts {
  std::string site;  ///< "lab host web1", "netns blue"
};

/// What a fault met of one of its targets: a name in the plan's `on`, wherever that is.
struct TargetAccount {
  std::string target;
  std::uint64_t matched = 0;
};

/// Of the packets that are unaccounted for: at which hook of which device they were to be seen again.
struct Unseen {
  std::string site, device, hook;  ///< "netns shop", "eth0", "egress"
  std::uint64_t packets = 0;
};

/// What a fault did, over all its rules and sites.
struct Account : Counts {
  std::string fault;                ///< its name
  std::vector<const Effect*> asks;  ///< for more than nothing
  Undelivered undelivered;
  TimeQuantiles applied_delay;  ///< what the fault itself asked of a packet
  TimeQuantiles held;           ///< as measured: with other delays, the order in the flow and the lateness
  TimeQuantiles lateness;       ///< held less what was asked in all
  LeftLate left_late;
  std::optional<Ns> planned_onset;   ///< when its channel first does something; absent: the window's start
  std::optional<Ns> first_affected;  ///< the first packet dropped or delayed, since T0; absent: none
  std::optional<Ns> last_affected;
  std::vector<Unseen> unseen = {};  ///< where the unaccounted ones were to be
  std::vector<TargetAccount> targets;
  std::vector<SiteAccount> sites;  ///< every site that has a rule of the fault, in the order of sites
};

}  // namespace faultline::faults
