#include "injector/serve/live_page.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>

#include "injector/base/clock.h"
#include "injector/base/text.h"
#include "injector/record/recording.h"
#include "injector/record/verdict.h"
#include "injector/report/chart.h"
#include "injector/report/report.h"
#include "injector/report/style.h"
#include "injector/report/summary.h"
#include "injector/serve/plain_errors.h"

namespace faultline::serve {
namespace {

constexpr int kPageNice = 15;
constexpr Ns kLeastPause = 2 * kSecond;
constexpr Ns kShare = 10;  // of its time a page may take one part in so many

std::string bare_page(const std::string& text) {
  report::PageHead head;
  head.title = "a run under way";
  head.live = true;
  return report::page_begin(head) + report::live_banner({text, ""}) + report::kPageEnd;
}

/// A journal that ends where reading it is not wanted any more.
class Interruptible : public std::filebuf {
 public:
  explicit Interruptible(const std::atomic<bool>& leaving) : leaving_(leaving) {}

 protected:
  int_type underflow() override { return leaving_ ? traits_type::eof() : std::filebuf::underflow(); }

 private:
  const std::atomic<bool>& leaving_;
};

/// What services said. What the plan itself names stays, so that the hypotheses about it are judged as they would be.
void leave_answers_out(record::Recording& recording) {
  PlainErrors plain;
  for (const auto& hypothesis : recording.hypotheses) plain.keep(hypothesis);
  for (const auto& guard : recording.guards) plain.keep(guard.guard);
  for (auto& probe : recording.probes) {
    for (auto& error : probe.errors) error = plain.name(error);
    probe.said.clear();
  }
  for (auto& event : recording.events)
    for (auto& seen : event.seen) seen.line.clear();
}

}  // namespace

LivePage::LivePage(std::filesystem::path folder, bool plain)
    : folder_(std::move(folder)), plain_(plain), page_{bare_page("The page is being made."), "none"}, thread_([this] {
        work();
      }) {}

LivePage::~LivePage() {
  {
    const MutexLock lock(mutex_);
    leaving_ = true;
  }
  asked_.notify_all();
  thread_.join();
}

LivePage::Made LivePage::last() {
  const MutexLock lock(mutex_);
  wanted_ = true;
  asked_.notify_all();
  return page_;
}

void LivePage::work() {
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kPageNice);
  Ns not_before = 0;
  MutexLock lock(mutex_);
  while (!leaving_) {
    const Ns now = monotonic_now();
    if (!wanted_) {
      asked_.wait(lock);
      continue;
    }
    if (now < not_before) {
      asked_.wait_until(lock, std::chrono::steady_clock::now() + std::chrono::nanoseconds(not_before - now));
      continue;
    }
    wanted_ = false;
    lock.unlock();
    Made next{{}, std::to_string(wall_now())};  // of no other run at this address either
    try {
      next.html = made(next.tag);
    } catch (const std::exception& e) {
      next.html = bare_page(fmt::format("The page cannot be made: {}", report::escaped(e.what())));
    }
    const Ns done = monotonic_now();
    not_before = done + std::max(kLeastPause, kShare * (done - now));
    lock.lock();
    page_ = std::move(next);
  }
}

std::string LivePage::made(const std::string& tag) {
  const auto journal = folder_ / "journal.jsonl";
  if (std::filesystem::file_size(journal) > kMostJournal)
    return bare_page("This run's record is too large to draw while it goes on. Its report is made when it is over.");
  Interruptible file(leaving_);
  if (!file.open(journal, std::ios::in)) return bare_page("There is no record yet.");
  std::istream in(&file);
  record::Recording recording = record::read_recording(in);
  recording.under_way = true;
  if (plain_) leave_answers_out(recording);
  auto summary = report::summarize(recording, record::judge(recording));
  summary.verdict = "under way";
  summary.reasons.clear();  // of a verdict that has yet to come
  const std::string told =
      recording.begun
          ? fmt::format(
                "Under way: {:.0f} s of {:.0f} s. What is below is made from the record so far, and is no verdict.",
                static_cast<double>(recording.last_seen) / kSecond, static_cast<double>(recording.duration) / kSecond)
          : std::string("The run is being prepared.");
  return report::render_report(recording, summary, {}, report::Live{told, tag});
}

}  // namespace faultline::serve
