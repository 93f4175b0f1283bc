#include "faults/channel.h"

#include <algorithm>
#include <stdexcept>

#include "faults/abi.h"

namespace faultline::faults {

double value_at(const Track& track, Ns t) {
  const auto next = std::upper_bound(track.begin(), track.end(), t, [](Ns at, const Point& p) { return at < p.t; });
  if (next == track.begin() || next == track.end()) return 0;
  const Point& a = next[-1];
  const Point& b = next[0];
  return a.value + (b.value - a.value) * (static_cast<double>(t - a.t) / static_cast<double>(b.t - a.t));
}

void add_step(Track& track, Window window, double value) {
  if (window.end <= window.start || value == 0) return;
  if (!track.empty()) {
    const Point last = track.back();
    if (last.t > window.start) throw std::invalid_argument("add_step: the window overlaps what the track already has");
    // The last point of a track stands for 0 whatever its value; as it is no longer the last, 0 has to be spelt out.
    if (last.t < window.start) {
      if (last.value != 0) track.push_back({last.t, 0});
      track.push_back({window.start, 0});
    }
  }
  track.push_back({window.start, value});
  track.push_back({window.end, value});
}

void cut_track(Track& track, Ns end) {
  const auto next = std::lower_bound(track.begin(), track.end(), end, [](const Point& p, Ns at) { return p.t < at; });
  if (next == track.end()) return;
  if (next == track.begin()) return track.clear();
  const Point& a = next[-1];
  const Point& b = next[0];
  const double level =
      a.value + (b.value - a.value) * (static_cast<double>(end - a.t) / static_cast<double>(b.t - a.t));
  track.erase(next, track.end());
  track.push_back({end, level});
}

std::vector<Window> Channel::active() const {
  std::vector<Window> spans;
  for (const auto member : kTracks) {
    const Track& track = this->*member;
    for (std::size_t i = 0; i + 1 < track.size(); i++) {
      const Point& a = track[i];
      const Point& b = track[i + 1];
      if (a.t < b.t && (a.value != 0 || b.value != 0)) spans.push_back({a.t, b.t});
    }
  }
  std::sort(spans.begin(), spans.end(), [](const Window& a, const Window& b) { return a.start < b.start; });
  std::vector<Window> merged;
  for (const Window& span : spans) {
    if (!merged.empty() && span.start <= merged.back().end) {
      merged.back().end = std::max(merged.back().end, span.end);
    } else {
      merged.push_back(span);
    }
  }
  return merged;
}

Ns Channel::longest_queue(std::uint32_t packet) const {
  double lowest = 0;
  for (const Point& p : rate)
    if (p.value > 0 && (lowest == 0 || p.value < lowest)) lowest = p.value;
  if (lowest == 0) return 0;
  const auto takes = [&](double bytes) { return bytes * 8 / lowest * static_cast<double>(kSecond); };
  const double wait = queue_bytes != 0 ? takes(static_cast<double>(queue_bytes)) : static_cast<double>(queue_time);
  return static_cast<Ns>(std::min(wait + takes(packet), static_cast<double>(FL_MAX_HOLD_NS)));
}

}  // namespace faultline::faults
