#include "injector/run/lab_watch.h"

#include <fmt/format.h>

#include "injector/lab/lab.h"
#include "injector/record/events.h"

namespace faultline::run {

std::string tell_service(record::Journal& journal, const std::string& host, const std::string& event,
                         const std::string& detail) {
  record::events::service(journal, host, event, detail);
  return detail.empty() ? fmt::format("{} {}", host, event) : fmt::format("{} {} ({})", host, event, detail);
}

void LabWatch::prepare(const observe::Scene& scene) {
  lab_ = scene.lab;
  journal_ = &scene.journal;
  note_ = scene.note;
}

std::optional<observe::Stop> LabWatch::tick(Ns now) {
  if (lab_ == nullptr || now < next_look_) return {};
  next_look_ = now + 500 * kMillisecond;
  lab_->poll([this](const std::string& host, const std::string& event, const std::string& detail) {
    note_(tell_service(*journal_, host, event, detail));
  });
  return {};
}

}  // namespace faultline::run
