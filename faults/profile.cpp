#include "faults/profile.h"

#include <algorithm>
#include <array>
#include <stdexcept>

#include "faults/kind.h"
#include "faults/limits.h"

namespace faultline::faults {
namespace {

constexpr Ns kMaxPoints = 100'000;  // played in all, repetitions counted: at most 4.8 MB a track and site

/// A point that would change nothing is left out: a figure that stays the same for a thousand rows costs two points.
void add_point(Track& track, Ns t, double value) {
  const std::size_t n = track.size();
  if (n > 0 && track[n - 1] == Point{t, value}) return;
  if (n > 1 && track[n - 1].value == value && track[n - 2].value == value) track.pop_back();
  track.push_back({t, value});
}

/// One figure over the window.
Track track_of(const Profile& profile, double ProfilePoint::*figure, Window window, Layout layout) {
  Track track;
  if (profile.empty() ||
      std::all_of(profile.begin(), profile.end(), [&](const ProfilePoint& p) { return p.*figure == 0; }))
    return track;
  const Ns period = profile.back().at;
  for (Ns origin = window.start; origin < window.end; origin += period) {
    double held = 0;
    for (std::size_t i = 0; i < profile.size() && origin + profile[i].at <= window.end; i++) {
      const Ns t = origin + profile[i].at;
      const bool turns = layout.repeat && layout.steps && i + 1 == profile.size();  // the last of a round has no length
      if (layout.steps && i > 0) add_point(track, t, held);
      held = profile[i].*figure;
      if (!turns) add_point(track, t, held);
    }
    // Where the next point lies beyond the window, a step holds until its end, and a straight line is cut there.
    const auto beyond =
        std::find_if(profile.begin(), profile.end(), [&](const ProfilePoint& p) { return origin + p.at > window.end; });
    if (beyond != profile.end() && !layout.steps) {
      add_point(track, origin + beyond->at, (*beyond).*figure);
      cut_track(track, window.end);
      return track;
    }
    if (!layout.repeat || beyond != profile.end()) {
      add_point(track, window.end, held);
      return track;
    }
    if (period <= 0) throw std::invalid_argument("lay_out: a profile of no length cannot repeat");
  }
  return track;
}

}  // namespace

std::span<const Figure> figures() {
  using enum Figure::Unit;
  static constexpr std::array<Figure, FL_TRACKS> all{
      {{"delay", time, &ProfilePoint::delay, kTracks[FL_DELAY]},
       {"jitter", time, &ProfilePoint::jitter, kTracks[FL_JITTER]},
       {"loss", chance, &ProfilePoint::loss, kTracks[FL_LOSS]},
       {"flows", chance, &ProfilePoint::flows, kTracks[FL_FLOWS]},
       {"clients", chance, &ProfilePoint::clients, kTracks[FL_CLIENTS]},
       {"duplicate", chance, &ProfilePoint::duplicate, kTracks[FL_DUPLICATE]},
       {"corrupt", chance, &ProfilePoint::corrupt, kTracks[FL_CORRUPT]},
       {"reorder", chance, &ProfilePoint::reorder, kTracks[FL_REORDER]},
       {"rate", rate, &ProfilePoint::rate, kTracks[FL_RATE]}}};
  return all;
}

void lay_out(Channel& channel, const Profile& profile, Window window, Layout layout) {
  for (const Figure& figure : figures()) {
    Track track = track_of(profile, figure.value, window, layout);
    if (!track.empty()) channel.*figure.track = std::move(track);
  }
}

double given(const Params& params, const Figure& figure) {
  switch (figure.unit) {
    case Figure::Unit::time:
      return static_cast<double>(params.duration(figure.name));
    case Figure::Unit::chance:
      return params.probability(figure.name);
    case Figure::Unit::rate:
      return params.rate(figure.name);
  }
  return 0;
}

namespace {

/// Those of a profile, be it the plan's own or one that was read from a file; of any other value none.
std::span<const ProfilePoint> points_of(const Value& value) {
  if (const auto* profile = std::get_if<Profile>(&value)) return *profile;
  if (const auto* trace = std::get_if<Trace>(&value)) return trace->points;
  return {};
}

}  // namespace

double greatest(const Params& params, std::string_view name) {
  for (const Figure& figure : figures()) {
    if (figure.name != name) continue;
    double most = given(params, figure);
    for (const auto& [key, value] : params)
      for (const ProfilePoint& p : points_of(value)) most = std::max(most, p.*figure.value);
    return most;
  }
  return 0;
}

std::vector<Problem> check_profile(const Profile& profile, const std::string& key, Ns duration, Layout layout) {
  std::vector<Problem> problems;
  const auto point = [&](std::size_t i) { return key + "[" + std::to_string(i) + "]"; };
  if (profile.empty())
    return {{key, key + " has no points", "give at least one, such as { at = \"0s\", delay = \"10ms\" }"}};
  if (profile.front().at != 0)
    problems.push_back({point(0), "the first point is not at the fault's start", "begin with at = \"0s\""});
  bool limited = false, unlimited = false;
  for (std::size_t i = 0; i < profile.size(); i++) {
    const ProfilePoint& p = profile[i];
    if (i > 0 && p.at < profile[i - 1].at)
      problems.push_back(
          {point(i), "this point lies before the one above it", "put the points in the order of their times"});
    if (p.delay + p.jitter > static_cast<double>(kMaxHold))
      problems.push_back(
          {point(i), "a packet could be held for longer than 100 s", "keep delay + jitter within 100 s"});
    (p.rate > 0 ? limited : unlimited) = true;
  }
  if (limited && unlimited)
    problems.push_back({key, "some points have a rate and others have none",
                        "a straight line cannot lead from a number to \"no limit\": give every point a rate"});
  if (!problems.empty()) return problems;
  const Ns length = profile.back().at;
  if (layout.repeat && length == 0)
    problems.push_back({key, key + " has no length, so it cannot repeat",
                        "the last point says where it starts again: give it a later time"});
  else if (layout.repeat &&
           static_cast<double>(duration) / static_cast<double>(length) * static_cast<double>(profile.size()) >
               static_cast<double>(kMaxPoints))
    problems.push_back({key, "more than " + std::to_string(kMaxPoints) + " points would be played",
                        "make the fault shorter, or the points fewer"});
  else if (static_cast<Ns>(profile.size()) > kMaxPoints)
    problems.push_back({key, "it has more than " + std::to_string(kMaxPoints) + " points",
                        "thin it out: packets cannot tell what happens within a millisecond"});
  return problems;
}

void ramp(Channel& channel, Window window, Ns up, Ns down) {
  if (up <= 0 && down <= 0) return;
  const auto level = [&](Ns t) {
    if (t < window.start + up) return static_cast<double>(t - window.start) / static_cast<double>(up);
    if (t > window.end - down) return static_cast<double>(window.end - t) / static_cast<double>(down);
    return 1.0;
  };
  for (const Figure& figure : figures()) {
    if (figure.unit == Figure::Unit::rate) continue;
    Track* const track = &(channel.*figure.track);
    Track flanked;
    for (std::size_t i = 0; i < track->size(); i++) {
      const Point& p = (*track)[i];
      for (const Ns knee : {window.start + up, window.end - down})  // the envelope bends here, within a segment
        if (i > 0 && (*track)[i - 1].t < knee && knee < p.t)
          flanked.push_back({knee, value_at(*track, knee) * level(knee)});
      flanked.push_back({p.t, p.value * level(p.t)});
    }
    *track = std::move(flanked);
  }
}

bool is_idle(const Profile& profile) {
  return std::all_of(profile.begin(), profile.end(), [](const ProfilePoint& p) {
    return std::all_of(figures().begin(), figures().end(), [&](const Figure& figure) { return p.*figure.value == 0; });
  });
}

void add_given(Channel& channel, const Params& params, Window window) {
  for (const Figure& figure : figures()) add_step(channel.*figure.track, window, given(params, figure));
}

void shape(Channel& channel, const Params& params, Window window) {
  lay_out(channel, params.profile("profile"), window, {.steps = params.boolean("steps")});
  ramp(channel, window, params.duration("ramp"), params.duration("ramp_down"));
}

void check_shape(const Params& params, Ns duration, std::vector<Problem>& problems) {
  const char* const flank = params.has("ramp") ? "ramp" : "ramp_down";
  if (!params.has("profile")) {
    if (params.has("steps"))
      problems.push_back({"steps", "steps is about a profile, and there is none",
                          "add profile = [{ at = \"0s\", delay = \"10ms\" }], or take it out"});
    check_ramps(params, duration, problems);
    if (params.has(flank) && params.has("rate"))
      problems.push_back({flank, "a rate cannot ramp: it would have to begin at \"no limit\", which is not a number",
                          "use a profile with a rate, or put the rate into a fault of its own"});
    return;
  }
  const Profile profile = params.profile("profile");
  if (params.has(flank))
    problems.push_back(
        {flank, std::string(flank) + " and profile exclude each other", "say it in the profile's points"});
  for (const Figure& figure : figures()) {
    if (params.has(figure.name) &&
        std::any_of(profile.begin(), profile.end(), [&](const ProfilePoint& p) { return p.*figure.value > 0; }))
      problems.push_back(
          {std::string(figure.name), std::string(figure.name) + " is in the profile's points too", "give it once"});
  }
  const auto wrong = check_profile(profile, "profile", duration, {});
  problems.insert(problems.end(), wrong.begin(), wrong.end());
  if (!wrong.empty()) return;
  if (profile.back().at > duration)
    problems.push_back({"profile[" + std::to_string(profile.size() - 1) + "]", "the fault ends before this point",
                        "make the fault longer, or move the point within it"});
}

}  // namespace faultline::faults
