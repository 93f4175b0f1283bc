// How long a thread may stay in a real-time class. Such a thread takes the CPU from everything else, the services that
// a run is about included, so it has a purse of CPU time: it fills at a share of a CPU, up to a little, and what the
// thread uses is taken out of it. Once empty, the thread is ordinary for a while, and then urgent again if it needs to
// be: one that got its share as an ordinary thread is not short of CPU. Threads that are many share a second purse, so
// that together they take no more than that. Pure: the clocks are the caller's.
#pragma once

#include <atomic>
#include <cstdint>

#include "injector/base/units.h"

namespace faultline::realtime {

/// What several threads may use together. All of it thread-safe, without a lock that one of them could be kept waiting
/// at.
class CommonPurse {
 public:
  CommonPurse(double share, Ns most) : share_(share), most_(most), credit_(most) {}
  /// Takes out what a thread has used. False: they have used more than they may.
  bool take(Ns now, Ns used);

 private:
  const double share_;
  const Ns most_;
  std::atomic<Ns> credit_;
  std::atomic<Ns> filled_ = 0;  // when last
};

class CpuBudget {
 public:
  struct Terms {
    double share = 0.5;  ///< of a CPU
    Ns most = 5 * kMillisecond;
  };

  CpuBudget(Terms terms, CommonPurse* common = nullptr) : terms_(terms), common_(common) {}

  /// The thread is urgent from now on. `cpu` is what it has used in all.
  void begin(Ns now, Ns cpu);
  /// Whether it may be urgent from now on. To be asked often: time is looked at only here.
  bool look(Ns now, Ns cpu);
  /// It was made ordinary by somebody else.
  void fall(Ns now, Ns cpu);

  bool urgent() const { return urgent_; }
  std::uint64_t fell_back() const { return fell_back_; }  ///< how often the purse was empty
  Ns ordinary() const { return ordinary_; }               ///< how long it was ordinary, up to its last return
  Ns fell_at() const { return fell_; }                    ///< when it did last

 private:
  /// How long an empty purse takes to fill.
  Ns filling() const { return static_cast<Ns>(static_cast<double>(terms_.most) / terms_.share); }

  const Terms terms_;
  CommonPurse* const common_;
  bool urgent_ = false;
  Ns credit_ = 0;
  Ns looked_ = 0, cpu_ = 0;  // at the last look, or at the beginning of a time as an ordinary thread
  Ns fell_ = 0;              // when it did last
  Ns ordinary_ = 0;
  std::uint64_t fell_back_ = 0;
};

}  // namespace faultline::realtime
