// Which lock guards what, told to the compiler: Clang checks it (-Wthread-safety), others read over it. A member that
// threads share says FAULTLINE_GUARDED_BY(mutex_); a function that wants the lock held says FAULTLINE_REQUIRES(mutex_).
// The standard library's mutex knows nothing of this, so what is shared is guarded by a Mutex and locked by a
// MutexLock.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

#if defined(__clang__)
#define FAULTLINE_THREAD_SAFETY(x) __attribute__((x))
#else
#define FAULTLINE_THREAD_SAFETY(x)
#endif

/// Of a member: read and written with this lock held, but for constructor and destructor.
#define FAULTLINE_GUARDED_BY(x) FAULTLINE_THREAD_SAFETY(guarded_by(x))
/// Of a function: its caller holds the lock.
#define FAULTLINE_REQUIRES(...) FAULTLINE_THREAD_SAFETY(requires_capability(__VA_ARGS__))
/// Of a function: its caller must not hold the lock, since it is taken inside.
#define FAULTLINE_EXCLUDES(...) FAULTLINE_THREAD_SAFETY(locks_excluded(__VA_ARGS__))
/// Of a function whose access is safe for a reason that the analysis cannot see. A comment says which.
#define FAULTLINE_UNCHECKED_THREADS FAULTLINE_THREAD_SAFETY(no_thread_safety_analysis)

namespace faultline {

class FAULTLINE_THREAD_SAFETY(capability("mutex")) Mutex {
 public:
  Mutex() = default;
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

 private:
  friend class MutexLock;
  std::mutex mutex_;
};

/// Holds a Mutex for as long as it lives, but where it was unlocked on the way.
class FAULTLINE_THREAD_SAFETY(scoped_lockable) MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) FAULTLINE_THREAD_SAFETY(acquire_capability(mutex)) : lock_(mutex.mutex_) {}
  ~MutexLock() FAULTLINE_THREAD_SAFETY(release_capability()) {}
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

  void lock() FAULTLINE_THREAD_SAFETY(acquire_capability()) { lock_.lock(); }
  void unlock() FAULTLINE_THREAD_SAFETY(release_capability()) { lock_.unlock(); }
  bool owns_lock() const { return lock_.owns_lock(); }

 private:
  friend class Condition;
  std::unique_lock<std::mutex> lock_;
};

/// Waits with the lock given back meanwhile. Without a predicate: a lambda is a function of its own, of which the
/// compiler does not know that the lock is held. So wait in a loop that looks at what is awaited.
class Condition {
 public:
  void notify_one() { condition_.notify_one(); }
  void notify_all() { condition_.notify_all(); }
  void wait(MutexLock& lock) { condition_.wait(lock.lock_); }
  template <class Clock, class Duration>
  std::cv_status wait_until(MutexLock& lock, const std::chrono::time_point<Clock, Duration>& instant) {
    return condition_.wait_until(lock.lock_, instant);
  }

 private:
  std::condition_variable condition_;
};

}  // namespace faultline
