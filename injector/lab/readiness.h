// Whether a lab service is ready: the question its plan asks, put once. Who asks again, and for how long, is the lab's
// business.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "injector/base/netns.h"
#include "injector/base/rtnetlink.h"
#include "injector/nursery/nursery.h"
#include "injector/plan/plan.h"

namespace faultline::lab {

class Readiness {
 public:
  /// `addresses` are the host's own; `names` those of the whole lab. `command` has what an exec check shares with the
  /// service: enclosure, user, environment. All must outlive this. Throws Failure(invalid) for a URL it cannot ask.
  Readiness(const plan::Ready& ready, const NetNs& ns, const std::vector<IpPrefix>& addresses,
            const std::map<std::string, std::vector<IpPrefix>>& names, nursery::Nursery& nursery,
            nursery::Command command);

  /// "tcp port 8080 accepts a connection"
  std::string question() const;
  /// Asks once, from inside the host, for at most a second (a command: 5 s). The reason for a no is in last_answer().
  bool ask();
  const std::string& last_answer() const { return last_answer_; }
  /// How long to wait between two questions: starting a process is dearer than a connection.
  Ns pause() const { return ready_.command.empty() ? 20 * kMillisecond : 100 * kMillisecond; }

 private:
  bool connects(const IpPrefix& address, std::uint16_t port, const std::string& request);
  bool exits_0();

  const plan::Ready& ready_;
  const NetNs& ns_;
  nursery::Nursery& nursery_;
  nursery::Command command_;
  std::vector<IpPrefix> to_;
  std::uint16_t port_ = 0;
  std::string request_;  ///< HTTP; empty: a connection is enough
  std::string last_answer_;
};

}  // namespace faultline::lab
