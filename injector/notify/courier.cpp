#include "injector/notify/courier.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <deque>
#include <limits>
#include <thread>

#include "injector/base/clock.h"
#include "injector/base/thread_safety.h"
#include "injector/base/visible_text.h"
#include "injector/probe/curl.h"

namespace faultline::notify {
namespace curl = probe::curl;
namespace {

constexpr long kConnectTimeout = 3000, kTimeout = 5000;  // ms
constexpr std::size_t kMostAnswer = 64 << 10;
constexpr std::size_t kLongestWhy = 300;                             // bytes
constexpr Ns kPauses[] = {300 * kMillisecond, 1500 * kMillisecond};  // before the second try and the third

}  // namespace

struct Courier::Impl final : Carrier {
  Impl(std::string n, std::unique_ptr<Sink> s, Trouble t)
      : name(std::move(n)), sink(std::move(s)), trouble(std::move(t)), thread([this] { work(); }) {}
  ~Impl() {
    give_up_at = 0;
    {
      const MutexLock lock(mutex);
      ending = true;
      waiting.clear();
    }
    wake.notify_all();
    pause.notify_all();
    thread.join();
  }

  // ---- the thread ----

  void work() {
    Ns next = sink->every() > 0 ? monotonic_now() + sink->every() : std::numeric_limits<Ns>::max();
    MutexLock lock(mutex);
    for (;;) {
      while (waiting.empty() && !ending && monotonic_now() < next) {
        if (next == std::numeric_limits<Ns>::max())
          wake.wait(lock);
        else
          wake.wait_until(lock, std::chrono::steady_clock::now() + std::chrono::nanoseconds(next - monotonic_now()));
      }
      if (!waiting.empty()) {
        const auto what = std::move(waiting.front());
        waiting.pop_front();
        lock.unlock();
        attempt([&] { sink->tell(*what, *this); });
      } else if (ending || monotonic_now() >= next) {
        const bool last = ending;
        lock.unlock();
        if (sink->every() > 0) attempt([&] { sink->report(wall_now(), *this); });
        next = monotonic_now() + std::max(sink->every(), kMillisecond);
        if (last) break;
      } else {
        continue;
      }
      lock.lock();
    }
    lock.lock();
    done = true;
    finished.notify_all();
  }

  template <class Act>
  void attempt(const Act& act) {
    try {
      act();
    } catch (const std::exception& e) {
      say(e.what());
    }
  }

  /// The first time alone: whoever reads it has one destination to mend.
  void say(const std::string& why) {
    if (said.exchange(true)) return;
    trouble(fmt::format("{} was not told: {}", name, bounded(visible(why), kLongestWhy)));
  }

  std::optional<std::string> send(const Request& request) override {
    std::string why;
    for (std::size_t tries = 0;; tries++) {
      std::string answer;
      const Outcome outcome = once(request, answer);
      if (why.empty() || !outcome.cut_short) why = outcome.why;
      {
        const MutexLock lock(mutex);
        if (!outcome.cut_short) last_failure = outcome.why;
      }
      if (outcome.why.empty()) return answer;
      if (!outcome.again || tries >= std::size(kPauses) || monotonic_now() + kPauses[tries] >= give_up_at) break;
      MutexLock lock(mutex);
      pause.wait_until(lock, std::chrono::steady_clock::now() + std::chrono::nanoseconds(kPauses[tries]));
    }
    say(why);
    return {};
  }

  struct Outcome {
    std::string why;         ///< it failed; empty: it did not
    bool again = false;      ///< another try may do better
    bool cut_short = false;  ///< it was given up, and nothing is known of the destination
  };
  Outcome once(const Request& request, std::string& answer) {
    CURL* e = easy.get();
    if (!e) throw std::bad_alloc();
    curl_easy_reset(e);  // all but its connection, which serves the next request as well
    const auto set = [e](CURLoption option, auto value) {
      curl::check("set up a request", curl_easy_setopt(e, option, value));
    };
    curl::List headers;
    curl::append(headers, "Content-Type: application/json");
    curl::append(headers, "User-Agent: faultline");
    curl::append(headers, "Expect:");
    for (const auto& [header, value] : request.headers) curl::append(headers, header + ": " + value);
    set(CURLOPT_URL, request.url.c_str());
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_FOLLOWLOCATION, 0L);  // else the token would go wherever the answer points
    set(CURLOPT_CONNECTTIMEOUT_MS, kConnectTimeout);
    set(CURLOPT_TIMEOUT_MS, kTimeout);
    set(CURLOPT_QUICK_EXIT, 1L);
    set(CURLOPT_HTTPHEADER, headers.get());
    set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    set(CURLOPT_POSTFIELDS, request.body.c_str());
    set(CURLOPT_CUSTOMREQUEST, request.method.c_str());
    set(CURLOPT_WRITEFUNCTION, &Impl::keep);
    set(CURLOPT_WRITEDATA, &answer);
    set(CURLOPT_NOPROGRESS, 0L);
    set(CURLOPT_XFERINFOFUNCTION, &Impl::is_over);
    set(CURLOPT_XFERINFODATA, this);
    const CURLcode rc = curl_easy_perform(e);
    if (rc == CURLE_ABORTED_BY_CALLBACK) return {"it had not answered when the run was over", false, true};
    if (rc != CURLE_OK) return {curl_easy_strerror(rc), true};
    long status = 0;
    curl_easy_getinfo(e, CURLINFO_RESPONSE_CODE, &status);
    if (status >= 200 && status < 300) return {};
    // Its words may repeat the address, which is a secret.
    return {fmt::format("it answered with status {}", status), status == 429 || status >= 500};
  }

  static std::size_t keep(char* data, std::size_t size, std::size_t count, void* to) {
    auto& answer = *static_cast<std::string*>(to);
    answer.append(data, std::min(size * count, kMostAnswer - std::min(kMostAnswer, answer.size())));
    return size * count;
  }
  static int is_over(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    return monotonic_now() >= static_cast<Impl*>(self)->give_up_at ? 1 : 0;
  }

  const std::string name;
  const std::unique_ptr<Sink> sink;
  const Trouble trouble;
  const curl::Easy easy{curl_easy_init()};  // of the thread
  std::atomic<Ns> give_up_at = std::numeric_limits<Ns>::max();
  std::atomic<bool> said = false;
  Mutex mutex;
  Condition wake, finished, pause;
  std::deque<std::shared_ptr<const Happening>> waiting FAULTLINE_GUARDED_BY(mutex);
  std::uint64_t left_out FAULTLINE_GUARDED_BY(mutex) = 0;
  std::string last_failure FAULTLINE_GUARDED_BY(mutex);  // empty: what it was told last it took
  bool ending FAULTLINE_GUARDED_BY(mutex) = false, done FAULTLINE_GUARDED_BY(mutex) = false;
  std::thread thread;  // the last: it uses all of the others
};

Courier::Courier(std::string name, std::unique_ptr<Sink> sink, Trouble trouble)
    : impl_(std::make_unique<Impl>(std::move(name), std::move(sink), std::move(trouble))) {}
Courier::~Courier() = default;

void Courier::tell(std::shared_ptr<const Happening> what) {
  {
    const MutexLock lock(impl_->mutex);
    auto& waiting = impl_->waiting;
    if (waiting.size() >= kMostWaiting) {
      // Lines of logs give way to what a webhook may be told of: a stop, the verdict.
      impl_->left_out++;
      const auto least = std::find_if(waiting.begin(), waiting.end(), [](const auto& one) { return !one->moment; });
      if (!what->moment || least == waiting.end()) return;
      waiting.erase(least);
    }
    impl_->waiting.push_back(std::move(what));
  }
  impl_->wake.notify_all();
}

void Courier::end(Ns deadline) {
  impl_->give_up_at = deadline;
  const MutexLock lock(impl_->mutex);
  impl_->ending = true;
  impl_->wake.notify_all();
}

void Courier::await() {
  MutexLock lock(impl_->mutex);
  while (!impl_->done) {
    const Ns left = impl_->give_up_at - monotonic_now();
    if (left <= 0) break;
    impl_->finished.wait_until(lock, std::chrono::steady_clock::now() + std::chrono::nanoseconds(left));
  }
  const std::uint64_t lost = impl_->left_out + impl_->waiting.size();
  const std::string why = impl_->last_failure.empty() ? "it was too slow" : impl_->last_failure;
  lock.unlock();
  if (lost > 0)
    impl_->trouble(fmt::format("{} was not told of {} thing{}{}: {}", impl_->name, lost, lost == 1 ? "" : "s",
                               impl_->said ? " more" : "", bounded(visible(why), kLongestWhy)));
}

}  // namespace faultline::notify
