// The run as lines for a log: a line for each thing that happens, each phase's figures once it is over, and a heartbeat
// when nothing else was said for 10 s.
#pragma once

#include <string>
#include <vector>

#include "injector/screen/watch.h"

namespace faultline::screen {

class PlainView {
 public:
  explicit PlainView(const Watch& watch)
      : watch_(watch), phase_told_(watch.phases.size()), begun_(watch.faults.size()), ended_(watch.faults.size()) {}
  /// What there is to say at `now` (since T0), a line each without newline. `final`: the run is over, say the rest.
  std::vector<std::string> lines(Ns now, bool final);
  static std::string clock_label(Ns t);  ///< "[ 12.3s] "

 private:
  void say(std::vector<std::string>& out, Ns t, const std::string& text);
  /// "delay+loss": the phases for which `which` holds.
  template <class Which>
  std::string names_of(const Which& which) const;
  /// What requests of that phase came to. Faults in force at the same time have one line.
  std::string phase_text(std::size_t phase) const;
  std::string heartbeat_text(Ns now) const;

  static constexpr Ns kHeartbeat = 10 * kSecond;
  const Watch& watch_;
  std::vector<bool> phase_told_, begun_, ended_;
  Ns last_said_ = 0;
};

}  // namespace faultline::screen
