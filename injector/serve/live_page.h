// The report of a run that is not over: made from its journal so far, on a thread of its own, and only while somebody
// looks. What the report shows, this shows; a few lines of script fetch it again and again.
#pragma once

#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <string>
#include <thread>

#include "injector/base/thread_safety.h"
#include "injector/base/units.h"

namespace faultline::serve {

class LivePage {
 public:
  /// Of a journal larger than this the page is not made any more while the run goes on: that takes too long.
  static constexpr std::uintmax_t kMostJournal = 48u << 20;

  /// `plain`: without what services said.
  LivePage(std::filesystem::path folder, bool plain);
  ~LivePage();  ///< waits for the page under way, which gives up; never throws

  struct Made {
    std::string html;
    std::string tag;  ///< of no other page; a page with scripts knows its own (report::Live)
  };
  /// The last that was made; asks for a newer one. Never waits.
  Made last();

 private:
  void work();
  std::string made(const std::string& tag);

  const std::filesystem::path folder_;
  const bool plain_;
  std::atomic<bool> leaving_ = false;
  Mutex mutex_;
  Condition asked_;
  bool wanted_ FAULTLINE_GUARDED_BY(mutex_) = false;
  Made page_ FAULTLINE_GUARDED_BY(mutex_);
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace faultline::serve
