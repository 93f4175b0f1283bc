// A profile is a link's figures at a few instants of a fault: delay, jitter, loss, rate at 0 s, at 10 s, and so on. A
// plan gives one point by point, a trace is one that was recorded. Laid out over a fault's window it becomes a
// channel's tracks. Several kinds share this, with one wording of what is wrong with a profile, and the simplest shape
// of all, the ramp.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "faults/channel.h"

namespace faultline::faults {

class Params;
struct Problem;

/// The whole of a link's figures from one instant on, or at it. What is not given is 0.
struct ProfilePoint {
  Ns at = 0;                                                                         ///< since the fault's start
  double delay = 0, jitter = 0;                                                      ///< ns
  double loss = 0, flows = 0, clients = 0, duplicate = 0, corrupt = 0, reorder = 0;  ///< 0..1
  double rate = 0;                                                                   ///< bit/s; 0: no limit
  bool operator==(const ProfilePoint&) const = default;
};

/// In order of time; two points at the same time make a jump.
using Profile = std::vector<ProfilePoint>;

/// One of them: its key in a plan, and where it is kept and played.
struct Figure {
  enum class Unit { time, chance, rate };
  std::string_view name;
  Unit unit;
  double ProfilePoint::*value;
  Track Channel::*track;
};
std::span<const Figure> figures();

/// How a profile is laid out over a window.
struct Layout {
  bool steps =
      false;  ///< a point's figures hold until the next point; otherwise straight lines lead from one to the next
  bool repeat =
      false;  ///< it starts again at its last point; otherwise the last point's figures hold until the window's end
};

/// Gives the channel those figures that the profile has, cut at the window's end.
void lay_out(Channel& channel, const Profile& profile, Window window, Layout layout);

/// What is wrong with a profile over a fault of this length; `key` names it in the problems, "key[2]" its third point.
std::vector<Problem> check_profile(const Profile& profile, const std::string& key, Ns duration, Layout layout);

/// Multiplies every track of the channel but the rate by a straight flank of `up` at the window's start, and of `down`
/// before its end; both together are at most the window. Exact where a track is flat or a step.
void ramp(Channel& channel, Window window, Ns up, Ns down);

/// The value of a figure's own key; 0 without it. In ns, 0..1 or bit/s.
double given(const Params& params, const Figure& figure);
/// The greatest value of a figure that a fault ever has, by its own key, in its profile or in its trace. In ns, 0..1 or
/// bit/s.
double greatest(const Params& params, std::string_view figure);

/// Whether no point of a profile has a figure.
bool is_idle(const Profile& profile);

/// Gives a channel the figures that have keys of their own, constant over the window.
void add_given(Channel& channel, const Params& params, Window window);
/// Gives a channel whose figures are constant over the window the shape that the keys `ramp`, `ramp_down`, `profile`
/// and `steps` ask for, and says what is wrong with them.
void shape(Channel& channel, const Params& params, Window window);
void check_shape(const Params& params, Ns duration, std::vector<Problem>& problems);

}  // namespace faultline::faults
