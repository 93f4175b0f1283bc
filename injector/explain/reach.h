// What a fault would reach on this machine now: places, devices, connections, processes. Looks without touching: it
// enters namespaces to list what is in them, which needs privilege. Names of hosts are looked up, and container
// runtimes asked, as a run would do it; so it looks only when asked to, and says otherwise what it would look up: a
// plan may be a stranger's. What a run makes itself (a lab) is not there to be looked at; the plan says enough about
// it.
#pragma once

#include <string>
#include <vector>

#include "injector/plan/plan.h"
#include "injector/site/processes.h"
#include "injector/site/sockets.h"

namespace faultline::explain {

struct ReachedPlace {
  std::string name;                  ///< "netns shop", "web"
  std::vector<std::string> devices;  ///< with their addresses: "eth0 (10.0.0.2, fd00::2)"
};

struct Flow {
  site::Socket socket;
  site::Process process;  ///< pid 0: not known
};

struct Reach {
  bool looked = false;                  ///< false: see `why_not`
  bool missing = false;                 ///< a run would be refused (exit 4) as things are now
  std::string why_not;                  ///< "its lab is made by the run", "needs root", "netns shop is not found: …"
  std::vector<std::string> would_look;  ///< where it was not asked to look: "container payment, by asking Docker"
  std::vector<ReachedPlace> places;
  std::vector<Flow> flows;  ///< connections that the fault would hit now; at most kMostFlows
  std::size_t flow_count = 0, process_count = 0;
  std::vector<std::string> before;          ///< programs of others that packets meet before the fault
  std::vector<std::string> left_out;        ///< connections that pass untouched, as far as that can be seen
  std::vector<std::uint16_t> exempt_ports;  ///< own TCP ports that no fault touches: this session came in by them
};
inline constexpr std::size_t kMostFlows = 1000;

/// For each fault of the plan. A target that is not found is an answer as well: it never throws for that.
std::vector<Reach> look_around(const plan::Plan& plan);
/// The same without a look at anything but the plan.
std::vector<Reach> without_looking(const plan::Plan& plan);

}  // namespace faultline::explain
