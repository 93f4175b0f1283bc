// Names of peers change their addresses while a run goes on: a load balancer's, a service's that moves. What a target's
// own resolver is told is read as it arrives (UDP from port 53, at every device of its namespace), so that an address
// is known as a peer's about when the target learns it itself.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "injector/base/fd.h"
#include "injector/base/thread_safety.h"
#include "injector/site/site.h"

namespace faultline::site {

class NameWatch {
 public:
  /// An answer gave an address for a name that rules of a site are about; also one that is known already. In the
  /// watch's thread.
  using Learn = std::function<void(std::size_t site, const std::string& name, const IpPrefix& address)>;

  /// Listens from here on in the namespace of each of `sites` whose rules have names. Of a flood some is read
  /// every 10 ms, for 0.3 ms; the rest is lost.
  NameWatch(const std::vector<Site>& sites, Learn learn);
  ~NameWatch();
  /// Looks at what has come and comes.
  void start();
  /// Sockets that hear the answers in a namespace.
  struct Ears {
    Fd v4, v6;
  };
  /// Those for a site that is about to move; none when its rules have no names.
  std::optional<Ears> listen(std::size_t site, const NetNs& ns) const;
  /// The site has moved. Any thread.
  void move(std::size_t site, Ears ears);

 private:
  struct Ear {
    std::size_t site;
    std::vector<std::string> names;
    Ears on;
  };
  void run(const std::stop_token& done);
  bool hear(const Ear& ear, int socket);

  Learn learn_;
  Fd bell_;
  mutable Mutex mutex_;
  std::vector<Ear> ears_ FAULTLINE_GUARDED_BY(mutex_);  // which never become more
  std::jthread thread_;                                 // last: it uses all of the above
};

}  // namespace faultline::site
