// Which lock guards what, told to the compiler: Clang checks it (-Wthread-safety), others read over it. A member that
// threads share says FAULTLINE_GUARDED_BY(mutex_); a function that wants the lock held says FAULTLINE_REQUIRES(mutex_).
// The standard library's mutex knows nothing of this, so what is shared is guarded by a Mutex and locked by a MutexLock.
#pragma once

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

  void lock() FAULTLINE_THREAD_SAFETY(acquire_capability()) { mutex_.lock(); }
  void unlock() FAULTLINE_THREAD_SAFETY(release_capability()) { mutex_.unlock(); }

 private:
  std::mutex mutex_;
};

/// Holds a Mutex as long as it lives, but where it was unlocked on the way.
class FAULTLINE_THREAD_SAFETY(scoped_lockable) MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) FAULTLINE_THREAD_SAFETY(acquire_capability(mutex)) : mutex_(mutex) { mutex_.lock(); }
  ~MutexLock() FAULTLINE_THREAD_SAFETY(release_capability()) {
    if (held_) mutex_.unlock();
  }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

  void lock() FAULTLINE_THREAD_SAFETY(acquire_capability()) {
    mutex_.lock();
    held_ = true;
  }
  void unlock() FAULTLINE_THREAD_SAFETY(release_capability()) {
    held_ = false;
    mutex_.unlock();
  }

 private:
  Mutex& mutex_;
  bool held_ = true;
};

/// Waits with a MutexLock. Call it in a loop that looks at what is awaited: a condition in a lambda is a function of its
/// own, of which the compiler does not know that the lock is held.
using Condition = std::condition_variable_any;

}  // namespace faultline
