// The eBPF programs of one site, loaded as the pen loads them but attached to nothing, and run on one packet at a time
// by BPF_PROG_TEST_RUN. Time since T0 is set through the epoch; the beat is fresh and this process is the owner.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "faults/score.h"
#include "injector/pen/selectors.h"
#include "tests/harness/packet.h"

namespace faultline::test {

constexpr int kNext = -1, kDrop = 2, kRedirect = 7;  // TC_ACT_UNSPEC, TC_ACT_SHOT, TC_ACT_REDIRECT

constexpr faults::Window kHour{0, 3600 * kSecond};

/// A rule of the site: its match, and its channel.
struct Rule {
  site::Match match{};
  faults::Channel channel{};
  faults::Window window = kHour;
  std::uint32_t fault = 0;
  std::uint64_t seed = 1;
};

/// What comes with a frame, and what it looks like after the program.
struct Skb {
  Frame frame;
  std::uint32_t mark = 0, priority = 0, gso_size = 0;
  std::uint32_t cb0 = 0, cb1 = 0;
  int verdict = 0;
};

/// What comes beside the frame and BPF_PROG_TEST_RUN cannot give.
struct Beside {
  std::uint32_t tc_index = 0, vlan = 0;
};

class Programs {
 public:
  enum class Owner { us, nobody };
  /// Of `place`, the ports left out, the tunnels and whether there are bare devices. `notes_losses`: as in a run that
  /// counts connections.
  Programs(pen::Engine engine, const std::vector<Rule>& rules, Owner owner = Owner::us, pen::SelectorPlace place = {},
           bool notes_losses = false);
  ~Programs();

  /// Makes it `t` after T0 now. Times go on from there.
  void set_time(Ns t);
  fl_control& control() { return control_[0]; }
  void close_gate();  ///< clsact: what happens when the owner is gone
  fl_flight& flight() { return flights_[0]; }

  /// Runs a program of the selector: "select_out", "answer_bare_in", …, "give_back".
  Skb select(const char* program, Skb in) const;
  /// The same behind a program that sets `beside`; *seen is the tc_index afterwards.
  Skb select_beside(const char* program, Skb in, const Beside& beside, std::uint32_t* seen = nullptr);
  /// Runs a program of the player: "play_arrival", "play_split", "from_line".
  Skb play(const char* program, Skb in) const;

  /// What becomes in the player of a packet that all rules of slot 1 are about.
  enum class Played { on, dropped, split };
  Played becomes(const char* program, const Packet& packet, std::uint32_t gso_size = 0) const;

  /// Writes a slot, as the selector would, for packets of `rules`.
  void set_slot(std::uint32_t slot, std::uint64_t rules, std::uint16_t bank = 0);
  fl_slot slot(std::uint32_t n) const;
  fl_tally tally(std::uint32_t rule) const;  ///< the counters; the first, last and maxima of CPU 0 alone mean nothing
  fl_histogram histogram(std::uint32_t fault, std::uint32_t which) const;
  fl_ledger ledger(std::uint32_t slot) const;
  fl_site_tally site_tally() const;

  const pen::BpfObject& selector() const { return selectors_->common(); }
  /// Of the selector. For what is attached to devices, "select_…", that is the entrance to it.
  int program(const std::string& name) const;
  pen::Selectors& selectors() { return *selectors_; }
  const pen::BpfObject& player() const { return *player_; }
  const faults::Score& score() const { return score_; }

  static constexpr std::uint16_t kGuard = 0x4711;
  static constexpr std::uint32_t kNear = 1;

 private:
  faults::Score score_;
  std::unique_ptr<pen::BpfObject> player_;
  std::unique_ptr<pen::Selectors> selectors_;
  std::map<std::string, Fd> entrances_;
  pen::Mapped<fl_control> control_;
  pen::Mapped<fl_flight> flights_;
};

/// Runs any program `repeat` times on one packet; the frame comes back as the last run left it. `ns`: mean per run.
Skb run_program(int program, Skb in, unsigned repeat = 1, std::uint32_t* ns = nullptr);

/// The stamp at the head of a frame.
fl_stamp stamp_of(const Frame& frame);
void set_stamp(Frame& frame, const fl_stamp& stamp);

/// A channel that does the same from `window.start` to its end.
faults::Channel steady(faults::Window window, Ns delay, Ns jitter = 0, double loss = 0);

}  // namespace faultline::test
