#include "injector/base/netns_search.h"

#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>
#include <sys/stat.h>

#include <cctype>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <system_error>
#include <vector>

#include "injector/base/netlink_request.h"

namespace faultline {
namespace {

namespace fs = std::filesystem;

class Search {
 public:
  explicit Search(const std::function<bool(const NetNs&)>& visit) : visit_(visit) {}

  /// False once it is to end.
  bool look_at(const std::string& path) {
    Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    struct stat status {};
    if (!fd || fstat(fd.get(), &status) != 0 || !seen_.insert(status.st_ino).second) return true;
    try {
      return visit_(NetNs(std::move(fd)));
    } catch (const std::exception&) {  // that one is going
      return true;
    }
  }

 private:
  const std::function<bool(const NetNs&)>& visit_;
  std::set<ino_t> seen_;
};

bool is_process(const fs::path& path) {
  const std::string name = path.filename().string();
  return !name.empty() && std::isdigit(static_cast<unsigned char>(name.front())) != 0;
}

bool is_netns_link(const fs::path& path) {
  std::error_code error;
  return fs::read_symlink(path, error).string().starts_with("net:[");
}

/// The places of mounts of kind nsfs: "22 1 0:4 net:[4026532281] /run/netns/shop rw shared:1 - nsfs nsfs rw".
std::vector<std::string> mounted() {
  std::vector<std::string> places;
  std::ifstream mounts("/proc/thread-self/mountinfo");
  for (std::string line; std::getline(mounts, line);) {
    std::istringstream words(line);
    std::string id, parent, device, root, place;
    if (words >> id >> parent >> device >> root >> place && root.starts_with("net:[")) places.push_back(place);
  }
  return places;
}

/// By which number the calling thread's namespace knows another; absent: by none.
std::optional<int> number_of(const NetNs& other) {
  NetlinkRequest request(RTM_GETNSID, 0);
  request.header<rtgenmsg>();
  request.put_u32(NETNSA_FD, static_cast<std::uint32_t>(other.fd()));
  std::optional<int> number;
  netlink_ask("ask for the number of a network namespace", request, [&](const nlmsghdr* answer) {
    each_attribute(answer, sizeof(rtgenmsg), [&](const nlattr* attribute) {
      if (mnl_attr_get_type(attribute) == NETNSA_NSID) number = static_cast<int>(mnl_attr_get_u32(attribute));
    });
  });
  return number != NETNSA_NSID_NOT_ASSIGNED ? number : std::nullopt;
}

}  // namespace

std::optional<NetNs> netns_of_number(const NetNs& from, int number) {
  std::optional<NetNs> found;
  Inside in(from);
  each_netns([&](const NetNs& ns) {
    if (number_of(ns) == number) found = ns.duplicate();
    return !found;
  });
  return found;
}

void each_netns(const std::function<bool(const NetNs&)>& visit) {
  Search search(visit);
  for (const auto& place : mounted())
    if (!search.look_at(place)) return;
  std::error_code error;
  const fs::directory_iterator processes("/proc", error);
  for (const auto& process : processes)
    if (is_process(process.path()) && !search.look_at(process.path() / "ns/net")) return;
  for (const auto& process : fs::directory_iterator("/proc", error)) {
    if (!is_process(process.path())) continue;
    std::error_code gone;
    for (const auto& descriptor : fs::directory_iterator(process.path() / "fd", gone))
      if (is_netns_link(descriptor.path()) && !search.look_at(descriptor.path())) return;
  }
}

}  // namespace faultline
