#include "injector/observe/events/event_watch.h"

#include <fmt/format.h>
#include <sys/prctl.h>

#include <algorithm>
#include <chrono>
#include <limits>

#include "injector/base/clock.h"
#include "injector/base/visible_text.h"
#include "injector/lab/lab.h"
#include "injector/probe/probe.h"
#include "injector/record/events.h"
#include "injector/record/windows.h"

namespace faultline::observe {
namespace {

constexpr Ns kNoteEvery = kSecond;          // of one event, on the screen
constexpr std::size_t kLongestNoted = 120;  // bytes of a line there

}  // namespace

EventWatch::~EventWatch() { take_apart(); }

void EventWatch::prepare(const Scene& scene) {
  if (scene.plan.events.empty()) return;
  journal_ = &scene.journal;
  note_ = scene.note;
  seen_ = scene.seen;
  bool logs = false;
  asked_.assign(scene.plan.probes.size(), false);
  const MutexLock files_lock(files_mutex_);
  {
    const MutexLock lock(mutex_);
    for (const auto& event : scene.plan.events) {
      const std::size_t which = watched_.size();
      if (event.probe) {
        Watched watched{event, {}, Sightings(event.name, record::edges(scene.plan))};
        for (std::size_t i = 0; i < scene.plan.probes.size(); i++)
          if (scene.plan.probes[i].name == *event.probe) {
            watched.probe = i;
            asked_[i] = true;
          }
        watched_.push_back(std::move(watched));
        continue;
      }
      auto pattern = Pattern::parse(event.match).value;
      if (!pattern) continue;  // the parser has refused it
      watched_.push_back({event, *pattern, Sightings(event.name, record::edges(scene.plan))});
      logs |= !event.log.empty();
      if (event.file.empty()) continue;
      const auto known =
          std::find_if(files_.begin(), files_.end(), [&](const auto& file) { return file->path == event.file; });
      auto& file = known == files_.end() ? files_.emplace_back(std::make_unique<Followed>(event.file)) : *known;
      file->events.push_back(which);
    }
  }
  if (logs && scene.lab != nullptr) {
    lab_ = scene.lab;
    lab_->listen([this](const std::string& host, Ns when, std::string_view line) { heard_of(host, when, line); });
  }
  if (files_.empty()) return;
  thread_ = std::jthread([this](const std::stop_token& stop) {
    prctl(PR_SET_NAME, "events", 0UL, 0UL, 0UL);
    while (!stop.stop_requested()) {
      look_at_files();
      std::this_thread::sleep_for(std::chrono::nanoseconds(kLook));
    }
  });
}

std::optional<Ns> EventWatch::since_t0(Ns instant) const {
  if (epoch_ == 0 || instant < epoch_) return {};
  return std::min(instant, held_.value_or(instant)) - epoch_;
}

void EventWatch::heard(std::size_t which, Ns when, std::string_view line) {
  const auto t = since_t0(when);
  if (!t) return;
  Watched& watched = watched_[which];
  ++watched.lines;
  if (!watched.pattern->matches(line)) return;
  see(watched, *t, line);
}

void EventWatch::see(Watched& watched, Ns t, std::string_view line) {
  ++watched.matched;
  for (const auto& seen : watched.sightings.add(t, line)) seen_(seen);
  if (t < watched.noted + kNoteEvery) return;
  watched.noted = t;
  note_(fmt::format("{}: {}", watched.event.name, bounded(line, kLongestNoted)));
}

/// A value that stays beyond its bound is one event, not one for each request.
void EventWatch::sample(const probe::Sample& sample) {
  if (!sample.value || sample.probe >= asked_.size() || !asked_[sample.probe]) return;
  const MutexLock lock(mutex_);
  for (auto& watched : watched_) {
    if (watched.probe != sample.probe) continue;
    ++watched.lines;
    const bool holds = watched.event.value && watched.event.value->holds(*sample.value);
    if (holds && !watched.holds)
      see(watched, sample.known(), fmt::format("{} of {}", *sample.value, *watched.event.probe));
    watched.holds = holds;
  }
}

void EventWatch::heard_of(const std::string& host, Ns when, std::string_view line) {
  const MutexLock lock(mutex_);
  for (std::size_t i = 0; i < watched_.size(); i++)
    if (watched_[i].event.log == host) heard(i, when, line);
}

bool EventWatch::look_at_files() {
  const MutexLock files_lock(files_mutex_);
  bool all = true;
  for (auto& file : files_) {
    std::vector<std::string> lines;  // each is a stranger's, and short (base/lines.h)
    all &= file->follower.look([&](std::string_view line) { lines.emplace_back(line); });
    const Ns now = monotonic_now();
    for (const auto& line : lines) {
      const MutexLock lock(mutex_);  // for one line at a time: requests wait for it
      for (const std::size_t which : file->events) heard(which, now, line);
    }
  }
  return all;
}

void EventWatch::begin(Ns epoch) {
  const MutexLock lock(mutex_);
  epoch_ = epoch;
}

void EventWatch::hold(Ns instant) {  // may come before begin()
  const MutexLock lock(mutex_);
  held_ = instant;
}

void EventWatch::go_on(Ns epoch) {
  const MutexLock lock(mutex_);
  held_.reset();
  epoch_ = epoch;
}

std::optional<Stop> EventWatch::tick(Ns now) {
  const MutexLock lock(mutex_);
  if (const auto t = since_t0(now))
    for (auto& watched : watched_)
      if (const auto counted = watched.sightings.counted(*t - Sightings::kSpan)) seen_(*counted);
  return {};
}

/// What was written by now is heard first: a line of the last moment counts.
void EventWatch::end() {
  if (lab_ != nullptr) lab_->catch_up();
  constexpr Ns kPatience = 5 * kSecond;  // somebody may write faster than we read
  const Ns until = monotonic_now() + kPatience;
  bool all = look_at_files();
  while (!all && monotonic_now() < until) all = look_at_files();
  const MutexLock files_lock(files_mutex_);
  const MutexLock lock(mutex_);
  for (auto& watched : watched_) {
    if (const auto counted = watched.sightings.counted(std::numeric_limits<Ns>::max())) seen_(*counted);
    std::optional<std::string> trouble;
    if (watched.probe && watched.lines == 0)
      trouble = fmt::format("no answer of probe \"{}\" had a value", *watched.event.probe);
    for (const auto& file : files_)
      if (file->path == watched.event.file && !file->follower.trouble().empty())
        trouble = file->follower.trouble();
      else if (file->path == watched.event.file && !all)
        trouble = file->path + " was not read to its end";
    record::events::watched(*journal_, {watched.event.name, watched.lines, watched.matched, trouble});
  }
  watched_.clear();  // what comes later is of no phase
  files_.clear();
}

void EventWatch::take_apart() noexcept {
  if (lab_ != nullptr) lab_->listen({});
  lab_ = nullptr;
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
}

}  // namespace faultline::observe
