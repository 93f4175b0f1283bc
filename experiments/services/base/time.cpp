#include "base/time.h"

#include <algorithm>
#include <atomic>
#include <random>
#include <thread>

namespace demo {

std::int64_t now_us() {
  static std::atomic<std::int64_t> last{0};
  const std::int64_t clock =
      std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch())
          .count();
  std::int64_t before = last.load(), now = 0;
  do now = std::max(clock, before + 1);
  while (!last.compare_exchange_weak(before, now));
  return now;
}

void pause(milliseconds about) {
  thread_local std::mt19937_64 chance{std::random_device{}()};
  std::uniform_int_distribution<std::int64_t> times(about.count() / 2, about.count() * 3 / 2);
  std::this_thread::sleep_for(milliseconds(times(chance)));
}

}  // namespace demo
