// A thread that hears when devices leave the sites' network namespaces: a device that is moved takes its programs
// along, and what is taken in the new namespace has no way back. The selector lets such packets pass by itself;
// detaching the device, at once, is what this is for. What else happens to devices and filters is passed on as well, so
// that nobody has to ask for it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <stop_token>
#include <thread>

#include "injector/base/device_events.h"
#include "injector/base/thread_safety.h"

namespace faultline::pen {

class Departures {
 public:
  using Tell = std::function<void(std::uint32_t seat, const DeviceEvents::News& news)>;

  /// `tell` is called on the thread.
  explicit Departures(Tell tell);
  ~Departures();
  Departures(const Departures&) = delete;
  Departures& operator=(const Departures&) = delete;

  void start();
  /// From here on what happens in a seat's namespace is told. Any thread.
  void listen(std::uint32_t seat, const NetNs& ns);
  void forget(std::uint32_t seat);

 private:
  void run(const std::stop_token& done);

  const Tell tell_;
  Fd bell_, poll_;
  Mutex mutex_;
  std::map<std::uint32_t, DeviceEvents> events_ FAULTLINE_GUARDED_BY(mutex_);
  std::jthread thread_;  // last: it uses what is above
};

}  // namespace faultline::pen
