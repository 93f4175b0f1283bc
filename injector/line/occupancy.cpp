#include "injector/line/occupancy.h"

namespace faultline::line {
namespace {

constexpr Ns kWindow = 2 * kMillisecond;
// A frame that takes longer than this was not worked on all the time: the machine under us stood still, which counts as
// CPU time like any other.
constexpr Ns kLongestFrame = 200 * kMicrosecond;

}  // namespace

std::optional<bool> Occupancy::look(const Reading& reading) {
  const Ns wall = reading.now - last_.now;
  if (wall < kWindow) return {};
  const auto frames = static_cast<Ns>(reading.frames - last_.frames);
  const bool ran = (reading.cpu - last_.cpu) * 20 >= wall * 9 || reading.switches == last_.switches;
  const bool full = ran && (reading.idle - last_.idle) * 20 <= wall &&  // 5 %
                    frames * kLongestFrame >= wall;
  if (full) {
    full_.time += wall;
    full_.packets += reading.packets - last_.packets;
    full_.bytes += reading.bytes - last_.bytes;
  }
  last_ = reading;
  return full;
}

}  // namespace faultline::line
