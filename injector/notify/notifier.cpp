#include "injector/notify/notifier.h"

#include <fmt/format.h>
#include <prometheus/metric_family.h>

#include "injector/base/error.h"
#include "injector/notify/sinks.h"
#include "injector/record/journal.h"

namespace faultline::notify {

Notifier::Notifier(const plan::Plan& plan, Destinations to) : plan_(plan), to_(std::move(to)) {
  if (to_.otlp) metrics_ = std::make_unique<serve::Metrics>(plan, false);
}

Notifier::~Notifier() { stop_listening(); }

void Notifier::start() {
  if (!couriers_.empty()) return;
  const auto add = [&](const std::string& name, std::unique_ptr<Sink> sink) {
    couriers_.push_back(std::make_unique<Courier>(name, std::move(sink), [this](const std::string& t) { trouble(t); }));
  };
  for (const auto& webhook : to_.webhooks)
    add(fmt::format("the webhook at {}", host_of(webhook.url)), make_webhook(plan_, webhook));
  if (to_.grafana) add(fmt::format("Grafana at {}", host_of(to_.grafana->url)), make_grafana(plan_, *to_.grafana));
  if (to_.otlp)
    add(fmt::format("the OTLP collector at {}", host_of(to_.otlp->url)),
        make_otlp(plan_, *to_.otlp, [this] { return metrics_->families(); }));
}

void Notifier::listen(record::Journal& journal, std::function<void(const std::string&)> note) {
  {
    const MutexLock lock(mutex_);
    note_ = std::move(note);
  }
  start();
  journal_ = &journal;
  // Under the journal's lock: a short line is read and put into queues, and nobody is waited for.
  journal.listen([this](const char* event, std::string_view line, Ns wall) {
    if (!is_told(event)) return;
    try {
      if (auto what = read_line(plan_, std::string(line), wall)) tell(std::move(*what));
    } catch (const std::exception&) {  // the record is worth more than who hears of it
    }
  });
}

void Notifier::stop_listening() {
  if (journal_) journal_->listen({});
  journal_ = nullptr;
  const MutexLock lock(mutex_);
  note_ = {};
}

void Notifier::sample(const probe::Sample& sample) {
  if (metrics_) metrics_->sample(sample);
}
void Notifier::counted(const record::events::Telemetry& span) {
  if (metrics_) metrics_->counted(span);
}
void Notifier::begin(Ns epoch) {
  if (metrics_) metrics_->begin(epoch);
}
void Notifier::healed() {
  if (metrics_) metrics_->healed();
}

void Notifier::tell(Happening what) {
  const auto shared = std::make_shared<const Happening>(std::move(what));
  for (auto& courier : couriers_) courier->tell(shared);
}

void Notifier::trouble(const std::string& text) {
  const MutexLock lock(mutex_);  // also while it is said: whom it is said to may be about to go
  if (note_) note_(text);
  troubles_.push_back(text);
}

std::vector<std::string> Notifier::fail(const std::string& why) {
  report::Summary summary;
  summary.name = plan_.name;
  if (!plan_.arm.empty()) summary.arm = plan_.arm;
  summary.verdict = "failed";
  summary.exit_code = static_cast<int>(Exit::failed);
  summary.reasons = {why};
  return finish(summary);
}

std::vector<std::string> Notifier::finish(Happening last) {
  start();  // of a run that ended before it could
  tell(std::move(last));
  const Ns deadline = monotonic_now() + kLastWords;
  for (auto& courier : couriers_) courier->end(deadline);
  for (auto& courier : couriers_) courier->await();
  couriers_.clear();
  const MutexLock lock(mutex_);
  return std::move(troubles_);
}

void Tap::prepare(const observe::Scene& scene) {
  if (notifier_) notifier_->listen(scene.journal, scene.note);
}
void Tap::begin(Ns epoch) {
  if (notifier_) notifier_->begin(epoch);
}
void Tap::sample(const probe::Sample& sample) {
  if (notifier_) notifier_->sample(sample);
}
void Tap::counted(const record::events::Telemetry& span) {
  if (notifier_) notifier_->counted(span);
}
void Tap::healed() noexcept {
  if (notifier_) notifier_->healed();
}
void Tap::take_apart() noexcept {
  if (notifier_) notifier_->stop_listening();
}

}  // namespace faultline::notify
