// A few threads for what takes its time. Where patience has an end the newest is done first, and what has waited for
// too long is not begun: when there is more to do than can be done, some are served in time, and not all too late. A
// cloud whose database hangs would else work off questions for minutes that nobody asks any more.
#pragma once

#include "parts.h"

namespace demo::home {

class Workers {
 public:
  /// `patience`: what has waited for longer is not begun.
  Workers(int threads, milliseconds patience) : patience_(patience) {
    for (int i = 0; i < threads; i++) in_background([this] { run(); });
  }
  void add(std::function<void()> what) {
    const std::lock_guard lock(mutex_);
    waiting_.emplace_back(clock::now(), std::move(what));
    more_.notify_one();
  }

 private:
  void run() {
    for (;;) {
      std::unique_lock lock(mutex_);
      more_.wait(lock, [&] { return !waiting_.empty(); });
      std::erase_if(waiting_, [&](const auto& each) { return clock::now() - each.first > patience_; });
      if (waiting_.empty()) continue;
      const auto what = std::move(waiting_.back().second);
      waiting_.pop_back();
      lock.unlock();
      try {
        what();
      } catch (const std::exception& failure) {
        say(failure.what());
      }
    }
  }

  const milliseconds patience_;
  std::mutex mutex_;
  std::condition_variable more_;
  std::deque<std::pair<clock::time_point, std::function<void()>>> waiting_;
};

}  // namespace demo::home
