#include "injector/observe/telemetry/telemetry.h"

#include <bpf/bpf.h>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "injector/base/clock.h"
#include "injector/base/error.h"
#include "injector/pen/pen.h"
#include "injector/plan/plan.h"
#include "injector/record/events.h"
#include "injector/site/target_lookup.h"

namespace faultline::observe {
Telemetry::Telemetry() = default;
Telemetry::~Telemetry() = default;

void Telemetry::warn(const std::string& what) {
  record::events::warning(*journal_, "telemetry: " + what);
  note_("telemetry: " + what);
}

void Telemetry::lack(const std::string& what, record::events::Uncounted missing) {
  missing.why = what;
  uncounted_(missing);
  warn(what);
}

void Telemetry::attempt(const std::function<void()>& what) noexcept {
  try {
    try {
      what();
    } catch (const std::exception& e) {
      counter_.reset();
      record::events::Uncounted all;
      if (epoch_ != 0) all.from = static_cast<Ns>(next_) * TelemetryCounter::kBucket;
      lack(fmt::format("nothing is counted from here on: {}", e.what()), all);
    }
  } catch (...) {  // not even said: no memory
    counter_.reset();
  }
}

void Telemetry::prepare(const Scene& scene) {
  if (scene.plan.telemetry.empty()) return;
  plan_ = &scene.plan;
  journal_ = &scene.journal;
  clock_ = &scene.clock;
  note_ = scene.note;
  counted_ = scene.counted;
  counted_until_ = scene.counted_until;
  uncounted_ = scene.uncounted;
  scene.progress("loading the telemetry");
  attempt([&] {
    const auto probed = probe_telemetry();
    const auto support = scene.plan.telemetry_options.turns ? probed : probed.without_turns();
    if (const auto what = support.lack(); !what.empty())
      lack(what, {.series = support.any() ? support.lacking_series() : std::vector<std::string>()});
    if (!support.any()) return;
    places_ = std::make_unique<TelemetryPlaces>(scene.plan, scene.finder, scene.lab);
    for (const auto& [target, why] : places_->missing()) {
      const std::string what = fmt::format("target \"{}\" is not counted: {}", target, why);
      warn(what);
    }
    counter_ = std::make_unique<TelemetryCounter>(asked(scene), support);
    counter_->set_places(places_->all());
    places_->follow();
  });
}

/// What the plan asks for, and whom its hypotheses and guards name as peers.
Asked Telemetry::asked(const Scene& scene) {
  const plan::Plan& plan = scene.plan;
  return {static_cast<std::uint32_t>(plan.telemetry.size()), plan.telemetry_options.turns, plan.telemetry_options.peers,
          peers(scene)};
}

/// A peer whose name stands for other addresses at each of the targets that are asked about it has all of them.
NamedPeers Telemetry::peers(const Scene& scene) {
  const plan::Plan& plan = scene.plan;
  NamedPeers named;
  site::TargetLookup lookup(plan, scene.view, scene.finder, nullptr, scene.progress);
  for (const auto& [peer, targets] : askers_of_peers(plan)) {
    std::vector<IpPrefix> prefixes;
    for (const auto& target : targets) {
      try {
        for (const auto& prefix : lookup.addresses(*plan.find_target(peer), {target})) prefixes.push_back(prefix);
      } catch (const Failure& failure) {
        lack(fmt::format("peer \"{}\" is not told apart: {}", peer, failure.what()), {.target = target, .peer = peer});
      }
    }
    named.emplace_back(peer, std::move(prefixes));
  }
  for (const auto& one : shared_addresses(named))
    lack(
        fmt::format("peer \"{}\" is not told apart: \"{}\" has {}, too, and each connection is counted for one of them",
                    one.peer, one.other, one.addresses.text()),
        {.peer = one.peer});
  return named;
}

/// A target that came back elsewhere, or came at all. What it did until it was found is missing.
void Telemetry::follow_moved() {
  const auto changes = places_->take_changes();
  if (!changes.any) return;
  counter_->set_places(places_->all());
  const Ns now = clock_->since_t0(monotonic_now());
  for (const auto& one : changes.moved) {
    const Ns since = one.since ? std::max<Ns>(0, clock_->since_t0(*one.since)) : 0;
    if (now <= 0) continue;
    lack(one.since ? fmt::format("target \"{}\" was replaced, and not counted for {} ms at most", one.target,
                                 (now - since) / kMillisecond)
                   : fmt::format("target \"{}\" is counted from here on", one.target),
         {.target = one.target, .from = since, .until = now});
  }
}

void Telemetry::lack_losses(record::events::Uncounted missing, const std::string& why) {
  missing.series = {"retransmits_ours"};
  missing.why = why;
  uncounted_(missing);
  if (!std::exchange(unsure_, true)) warn(why);
}

void Telemetry::attached(pen::Pen& pen) {
  if (!counter_) return;
  try {
    const auto losses = pen.losses();
    counter_->look_in(losses.table);
    loss_blocks_ = losses.blocks;
  } catch (const std::system_error& e) {
    lack_losses({}, fmt::format("what faults drop is not told from what is lost elsewhere: {}", e.what()));
  }
}

void Telemetry::look_after_losses(Ns now) {
  if (loss_blocks_ == -1) return;
  const __u32 zero = 0;
  std::uint64_t added = 0;
  check_neg("read what was lost", bpf_map_lookup_elem(loss_blocks_, &zero, &added));
  if (!loss_watch_.forgets(now, added)) return;
  loss_blocks_ = -1;
  lack_losses({.from = static_cast<Ns>(next_) * TelemetryCounter::kBucket},
              "faults drop more than can be remembered: from here on some of what is sent again for it is not among "
              "retransmits_ours");
}

/// Counts to the run's end, or to where a run in steps stands still.
void Telemetry::count() {
  if (!counter_ || epoch_ == 0) return;
  const Ns end = epoch_ + plan_->duration;
  attempt([&] { counter_->count_in(epoch_, held_ ? std::min(end, *held_) : end); });
}

void Telemetry::begin(Ns epoch) {
  epoch_ = epoch;
  count();
}

void Telemetry::hold(Ns instant) {  // may come before begin()
  held_ = instant;
  count();
}

void Telemetry::go_on(Ns epoch) {
  held_.reset();
  begin(epoch);
}

void Telemetry::healed() noexcept {
  if (counter_) attempt([&] { counter_->count_in(epoch_, 0); });
}

void Telemetry::write_next() {
  for (std::uint32_t i = 0; i < plan_->telemetry.size(); i++) {
    auto read = counter_->read(i, next_);
    if (read.overwritten && overwritten_++ == 0)
      uncounted_({.from = static_cast<Ns>(next_) * TelemetryCounter::kBucket,
                  .why = "some of it was overwritten: this process did not run for seconds"});
    if (!read.counted) continue;
    if (read.unsure > 0)
      lack_losses({.target = plan_->telemetry[i],
                   .from = read.counted->from,
                   .until = read.counted->from + read.counted->length},
                  "on one connection faults dropped too much at once to be remembered: some of what was sent again for "
                  "it is not among retransmits_ours");
    read.counted->target = plan_->telemetry[i];
    counted_(*read.counted);
  }
  next_++;
}

std::optional<Stop> Telemetry::tick(Ns now) {
  if (!counter_ || epoch_ == 0) return {};
  // One that has just ended may still be added to.
  const auto over = clock_->since_t0(now) / TelemetryCounter::kBucket - 1;
  attempt([&] {
    follow_moved();  // first: what was not counted meanwhile is no silence
    look_after_losses(clock_->since_t0(now));
    while (static_cast<Ns>(next_) < over) {
      write_next();
      counted_until_(static_cast<Ns>(next_) * TelemetryCounter::kBucket);
    }
  });
  return {};
}

void Telemetry::write_all() {
  if (!counter_ || epoch_ == 0) return;
  const Ns last = std::min(clock_->since_t0(monotonic_now()), plan_->duration);
  attempt([&] {
    while (static_cast<Ns>(next_) * TelemetryCounter::kBucket < last) write_next();
    if (overwritten_ > 0)
      warn(fmt::format("{} spans of 100 ms are incomplete: this process did not run for seconds", overwritten_));
  });
  counter_.reset();
}

void Telemetry::end() { write_all(); }
void Telemetry::take_apart() noexcept {
  write_all();
  places_.reset();
}

}  // namespace faultline::observe
