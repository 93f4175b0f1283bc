// The pen: everything of ours that packets run through. An anonymous network namespace holds the far ends, the splitter
// and the TAP of the line; each site holds one near veth and our programs. Built and attached before the baseline,
// inert until armed; the score then begins and ends every fault by the kernel's clock. All of it dies with this
// process.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "faults/account.h"
#include "faults/score.h"
#include "injector/base/clock.h"
#include "injector/base/progress.h"
#include "injector/line/line.h"
#include "injector/pen/attach.h"
#include "injector/pen/escape.h"
#include "injector/site/site.h"

namespace faultline::pen {

struct PenOptions {
  Engine engine = Engine::tcx;
  Janitor* janitor = nullptr;
  std::string alias;  ///< ifalias of the near veths: says whose they are
  line::LineOptions line;
  /// Of the TAP, packets. A latency knob under overload: what a burst (slow start, 44 segments a GSO packet) needs
  /// against what a queue that never empties costs. 1000 lost 9 times as much of a split 10 ms stream as 4000
  /// (docs/performance.md).
  unsigned txqueuelen = 4000;
};

class Pen {
 public:
  /// Builds, loads and attaches everything. Throws with everything undone. Must be called on the main thread: the task
  /// that the selector watches is the caller's.
  Pen(std::vector<site::Site> sites, const faults::Score& score, const PenOptions& options, const Progress& progress);
  ~Pen();

  /// Sets T0. Rules act by their times from then on.
  void arm(Ns epoch);
  /// The run's clock stands still at `t` (since T0) until T0 is moved on and another instant is set: 0 is none. No
  /// fault may be in force there, or it would not end; what stands for the whole run, such as the delay of a lab's
  /// links, goes on.
  void hold_at(Ns t);
  /// Every fault off, at once: the selector passes everything and what is held leaves. Safe to call from any thread.
  void stop();
  /// Looks after the pen; called every 100 ms or so. Attaches to devices that have appeared. Returns what there is to
  /// report.
  std::vector<std::string> poll();
  /// Whether our programs are still attached and first, at a part of the sites, in turn, or at `all` of them. Returns
  /// what began and what ended; at the end of a run also what goes on, for what was counted until then.
  enum class Look { in_turn, all, last };
  std::vector<Escape> inspect(Look look);
  /// Tells the selector of a site which cgroups its rules are about from now on. `rules` are all of the site's, in its
  /// order; only their cgroups count. Safe to call from any thread.
  void set_cgroups(std::size_t site, const std::vector<site::Rule>& rules);
  /// Attaches a site in another network namespace, with the rules that it has, and lets go of the one where it was: T0,
  /// states and counts go on. What was under way in the old one is gone with it. When it throws, the site is where it
  /// was. One thread at a time, which may be any.
  void move(std::size_t site, site::Site place);
  /// A name that rules of a site are about has this address, too. False when that was known, or cannot be known any
  /// more (poll() says so). Safe to call from any thread.
  bool learn(std::size_t site, const std::string& name, const IpPrefix& address);
  bool line_was_stopped() const;
  void resume_line();                ///< after line_was_stopped(): the lease is kept again, faults go on
  std::string line_failure() const;  ///< why the line ended on its own; empty while all is well
  line::Stats line_stats() const;
  std::vector<line::Lapse> take_lapses();  ///< of the line, since the last call
  /// The accounts so far of faults 0 to `faults` (see Rule::fault), without what only the plan knows (name, onset).
  /// Complete only after stop() and drain().
  std::vector<faults::Account> accounts(std::size_t faults) const;
  /// How many packets the rules of one fault have matched by now. Cheap.
  std::uint64_t packets_met(std::uint32_t fault) const;
  /// What rules dropped of TCP, if the score notes it: descriptors of eBPF maps, the pen's own (faults/losses_abi.h).
  struct Losses {
    int table;   ///< blocks of connections' sequence numbers
    int blocks;  ///< an array of one: how many were ever added to it
  };
  Losses losses() const;
  /// Waits, 1 s at most, until nothing is under way any more.
  void drain();
  /// Takes everything apart, which `progress` cannot keep it from. Never throws; what failed is returned.
  std::vector<std::string> close(const Progress& progress = unwatched);

 private:
  void build(std::vector<site::Site> sites, const Progress& progress);
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace faultline::pen
