// A few threads for what takes its time. What nobody waits for any more is left undone: a cloud whose database hangs
// would else work off questions for minutes that were answered "unavailable" long ago.
#pragma once

#include "parts.h"

namespace home {

class Workers {
 public:
  /// `patience`: what has waited for longer is not begun.
  Workers(int threads, milliseconds patience) : patience_(patience) {
    for (int i = 0; i < threads; i++) std::thread([this] { run(); }).detach();
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
      const auto [since, what] = std::move(waiting_.front());
      waiting_.pop_front();
      lock.unlock();
      if (clock::now() - since > patience_) continue;
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

}  // namespace home
