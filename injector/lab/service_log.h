// The logs of the lab's services: for each a file in the run folder that its stdout and stderr go to. What a service
// writes comes through a pipe to a thread of ours, which puts the time before each line, and hands each line to whoever
// listens. A full disk is thus our matter and not the service's. The end of a log goes into the message when its
// service fails.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "injector/base/fd.h"
#include "injector/base/units.h"

namespace faultline::lab {

class ServiceLogs {
 public:
  /// A line of a host's service, and when it was read (CLOCK_MONOTONIC), which is at once unless this machine is busy.
  using Heard = std::function<void(const std::string& host, Ns when, std::string_view line)>;

  ServiceLogs();
  ~ServiceLogs();  ///< writes what the services have written by then
  ServiceLogs(const ServiceLogs&) = delete;
  ServiceLogs& operator=(const ServiceLogs&) = delete;

  /// Makes the file anew, and its folder if need be. Returns what the service is to write to. Throws std::system_error.
  Fd open(const std::string& host, const std::string& path);
  /// Calls `heard` with each line from now on, on a thread of ours or on that which calls catch_up(); thread-safe.
  /// Empty: not any more, and when this returns it is not being called.
  void listen(Heard heard);
  /// All that has been written to the pipes by now is in the files, and was heard. Any thread.
  void catch_up();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Its last 15 lines, each behind "    | ", without control characters. "(empty)" when there is nothing.
std::string log_tail(const std::string& path);
/// "exit status 1" or "killed by signal 9 (Killed)".
std::string describe_status(int status);

}  // namespace faultline::lab
