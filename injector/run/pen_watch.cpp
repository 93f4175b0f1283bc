#include "injector/run/pen_watch.h"

#include <algorithm>
#include <set>
#include <stdexcept>

#include "injector/plan/plan.h"
#include "injector/record/events.h"

namespace faultline::run {
namespace events = record::events;
namespace {

constexpr Ns kBeforehand = 30 * kMillisecond;

/// Just before each fault begins and as soon as it ends: what came between a packet and the fault before or after that
/// must not look as if it had been there during it.
std::vector<Ns> edges_of(const plan::Plan& plan) {
  std::set<Ns> edges;
  for (const auto& fault : plan.faults) {
    edges.insert(fault.start - kBeforehand);
    edges.insert(fault.end);
  }
  return {edges.begin(), edges.end()};
}

}  // namespace

void PenWatch::prepare(const observe::Scene& scene) {
  plan_ = &scene.plan;
  journal_ = &scene.journal;
  clock_ = &scene.clock;
  tell_ = scene.tell;
  note_ = scene.note;
  edges_ = edges_of(scene.plan);
}

Ns PenWatch::next_edge(Ns instant) const {
  return edge_ < edges_.size() ? std::min(instant, clock_->epoch() + edges_[edge_]) : instant;
}

std::optional<observe::Stop> PenWatch::tick(Ns now) {
  const bool at_edge = edge_ < edges_.size() && now >= clock_->epoch() + edges_[edge_];
  while (edge_ < edges_.size() && now >= clock_->epoch() + edges_[edge_]) edge_++;
  if (pen_ == nullptr) return {};
  if (const auto failure = pen_->line_failure(); !failure.empty())
    throw std::runtime_error("the thread that holds packets: " + failure);
  if (at_edge || now >= next_inspection_) {
    next_inspection_ = now + 90 * kMillisecond;  // somewhat less than between two rounds of the run's loop
    inspect(at_edge ? pen::Pen::Look::all : pen::Pen::Look::in_turn);
  }
  if (now < next_look_) return {};
  next_look_ = now + 500 * kMillisecond;
  for (const auto& news : pen_->poll()) {
    events::warning(*journal_, news);
    tell_({news, clock_->since_t0(now)});
  }
  return {};
}

void PenWatch::tell_lapses() {
  for (const auto& lapse : pen_->take_lapses()) {
    const Ns from = clock_->since_t0(lapse.from), length = lapse.to - lapse.from;
    events::lapse(*journal_, from, length);
    tell_({"", from, length});
  }
}

/// An escape is written down, and said at once.
void PenWatch::inspect(pen::Pen::Look look) {
  if (pen_ == nullptr) return;
  for (const auto& escape : pen_->inspect(look)) {
    record::Escape told{escape.site, escape.device, escape.hook, escape.why};
    told.from = std::max<Ns>(0, clock_->since_t0(escape.from));
    if (escape.until) told.until = clock_->since_t0(*escape.until);
    told.packets = escape.packets;
    told.bytes = escape.bytes;
    told.bounded = escape.bounded;
    for (const auto& share : escape.faults) {
      if (share.fault >= plan_->faults.size()) continue;  // a link of the lab
      told.faults.push_back(plan_->faults[share.fault].name);
      told.by_fault.push_back({told.faults.back(), share.packets, share.bytes});
    }
    if (told.faults.empty()) continue;  // a standing condition of the lab alone
    events::escape(*journal_, told);
    if (look != pen::Pen::Look::last) note_(record::escape_text(told));
  }
}

}  // namespace faultline::run
