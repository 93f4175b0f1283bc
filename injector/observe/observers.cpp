#include "injector/observe/observers.h"

namespace faultline::observe {

Observers::~Observers() {
  take_apart();  // first: until then threads may call sample()
  while (!all_.empty()) all_.pop_back();
}

void Observers::prepare(const Scene& scene) {
  for (auto& one : all_) one->prepare(scene);
}

void Observers::attached(pen::Pen& pen) {
  for (auto& one : all_) one->attached(pen);
}

void Observers::begin(Ns epoch) {
  for (auto& one : all_) one->begin(epoch);
}

std::optional<Stop> Observers::tick(Ns now) {
  for (auto& one : all_)
    if (auto stop = one->tick(now)) return stop;
  return {};
}

void Observers::sample(const probe::Sample& sample) {
  for (auto& one : all_) one->sample(sample);
}

void Observers::counted(const record::events::Telemetry& counted) {
  for (auto& one : all_) one->counted(counted);
}

void Observers::counted_until(Ns until) {
  for (auto& one : all_) one->counted_until(until);
}

void Observers::uncounted(const record::events::Uncounted& missing) {
  for (auto& one : all_) one->uncounted(missing);
}

void Observers::seen(const record::events::Seen& seen) {
  for (auto& one : all_) one->seen(seen);
}

void Observers::hold(Ns instant) {
  for (auto& one : all_) one->hold(instant);
}

void Observers::wait(Ns epoch) {
  for (auto& one : all_) one->wait(epoch);
}

void Observers::go_on(Ns epoch) {
  for (auto& one : all_) one->go_on(epoch);
}

void Observers::healed() noexcept {
  for (auto one = all_.rbegin(); one != all_.rend(); ++one) (*one)->healed();
}

void Observers::end() {
  for (auto one = all_.rbegin(); one != all_.rend(); ++one) (*one)->end();
}

void Observers::abort() {
  for (auto one = all_.rbegin(); one != all_.rend(); ++one) (*one)->abort();
}

std::string Observers::failure() const {
  for (const auto& one : all_)
    if (auto failure = one->failure(); !failure.empty()) return failure;
  return {};
}

void Observers::take_apart() noexcept {
  for (auto one = all_.rbegin(); one != all_.rend(); ++one) (*one)->take_apart();
}

}  // namespace faultline::observe
