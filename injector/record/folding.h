// What happens again and again is told once and then summed up, so that it hides nothing else: of lapses how many, the
// longest and when; of other remarks the first, and how many like it there were. Remarks are alike that differ in names
// and numbers alone ("device veth1 appeared", "device veth2 appeared"). The journal has each of them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "injector/base/units.h"

namespace faultline::record {

/// Something people should know about the run.
struct Remark {
  std::string text;             ///< empty for a lapse, whose text is made here
  std::optional<Ns> when = {};  ///< since T0; absent before
  Ns lapse = 0;                 ///< the line stood still this long
};

/// One line for each kind, in the order of their first.
std::vector<std::string> folded(const std::vector<Remark>& remarks);

/// The same while a run is under way: the first of a kind is told at once, what follows is held back for a while.
class Folding {
 public:
  /// What there is to tell now, if anything. `now` is any clock.
  std::optional<std::string> add(Remark remark, Ns now);
  /// What was held back long enough; all of it at the `end`.
  std::vector<std::string> due(Ns now, bool end = false);

 private:
  struct Kind {
    std::string key;
    std::vector<Remark> held;
    Ns told = 0;
  };
  std::vector<Kind> kinds_;
};

}  // namespace faultline::record
