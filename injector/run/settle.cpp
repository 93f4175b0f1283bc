// The end of a run: from healing to where nothing of it is left.
#include <fmt/format.h>

#include "injector/run/session.h"

namespace faultline::run {
namespace events = record::events;

/// Waits for the answers still due; who asks the run to end also ends the wait.
void Session::finish_probes() {
  {
    const std::jthread listener = stops_.listen([this] {
      for (auto& prober : probers_) prober->abort();
    });
    for (auto& prober : probers_) prober->finish();
  }
  if (const auto& asked = stops_.taken()) events::abort(*journal_, asked->by, asked->reason, monotonic_now() - epoch_);
}

void Session::settle() {
  for (std::size_t i = 0; i < probers_.size(); i++)
    if (const auto failure = probers_[i]->failure(); !failure.empty())
      throw std::runtime_error(fmt::format("probe \"{}\": {}", plan_.probes[i].name, failure));
  if (!pen_) return;
  pen_->drain();
  report_counts();
}

void Session::report_counts() {
  auto accounts = pen_->accounts(plan_.faults.size());
  for (std::size_t i = 0; i < accounts.size(); i++) {
    accounts[i].fault = plan_.faults[i].name;
    accounts[i].planned_onset = composition_.onsets[i];
    events::fault_result(*journal_, accounts[i]);
  }
  const auto line = pen_->line_stats();
  const auto urgency = [](realtime::Rank rank) {
    const realtime::Tally t = realtime::tally(rank);
    return nlohmann::json{
        {"threads", t.threads},
        {"refused", t.refused},
        {"error", t.error == 0 ? nlohmann::json() : nlohmann::json(std::generic_category().message(t.error))},
        {"fell_back", t.fell_back},
        {"stopped_by_kernel", t.stopped},
        {"ordinary_us", t.ordinary / kMicrosecond}};
  };
  events::line(
      *journal_,
      {{"read", line.read},
       {"written", line.written},
       {"frames_read", line.frames_read},
       {"frames_written", line.frames_written},
       {"bytes_read", line.bytes_read},
       {"merged", line.merged},
       {"held_max_bytes", line.held_max_bytes},
       {"stalled_us", line.stalled / kMicrosecond},
       {"full",
        {{"time_us", line.full_time / kMicrosecond}, {"packets", line.full_packets}, {"bytes", line.full_bytes}}},
       {"realtime", {{"line", urgency(realtime::Rank::line)}, {"others", urgency(realtime::Rank::helper)}}},
       {"lost",
        {{"full", line.losses.full},
         {"overdue", line.losses.overdue},
         {"refused", line.losses.refused},
         {"stamp", line.losses.stamp}}}});
}

void Session::close_everything() {
  next_told_ = monotonic_now() + kSecond;
  std::vector<std::string> failures;
  const auto add = [&](std::vector<std::string> more) { failures.insert(failures.end(), more.begin(), more.end()); };
  probers_.clear();
  follower_.reset();
  names_.reset();
  if (pen_) add(pen_->close([this](const std::string& what) { take_apart_step(what); }));
  pen_.reset();
  control_->drop_locks();
  control_->set_lab(nullptr);
  if (lab_) add(lab_->stop());
  lab_.reset();
  nursery_.reset();
  janitor_.reset();
  for (const auto& failure : failures) display_->note("cleanup: " + failure);
  events::cleanup(*journal_, failures);
}

}  // namespace faultline::run
