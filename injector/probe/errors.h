// What a failed request is called. A probe's errors are counted by name, so there are few names (ErrorNames), and they
// say what a user of the service would notice; an errno that has no such name keeps its own, so that nothing is
// swallowed.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace faultline::probe {

struct Kind;

/// For an error that the network or the peer gave: "refused", "reset", "unreachable", "timeout", else "errno ENAME".
std::string network_error(int error);

/// For an error of the call that sends: as network_error() where the network is to blame, else "send ENAME" (EPERM from
/// a firewall, EADDRNOTAVAIL when the local ports are used up, EMFILE, …).
std::string send_error(int error);

/// Whether a request of this kind can fail with an error of this name: "timeout", "status 503", "sql 57P01".
bool has_error(const Kind& kind, std::string_view name);
/// Whether requests of some kind fail with an error of just this name, in which no word is a service's or the system's:
/// "timeout", "too large".
bool is_own_error(std::string_view name);
/// All names of a kind's errors; of those with a word of the service's or the system's choosing in them an example.
std::vector<std::string> error_names(const Kind& kind);

/// The names that one probe's errors have in the record. A service chooses some of them (the first word of redis, the
/// state of SQL), and may choose a new and long one each time: beyond kMost names an error is one of kOther.
class ErrorNames {
 public:
  static constexpr std::size_t kMost = 32, kLongest = 100;
  static constexpr const char* kOther = "other errors";
  std::string named(const std::string& error);

 private:
  std::set<std::string> known_;
};

}  // namespace faultline::probe
