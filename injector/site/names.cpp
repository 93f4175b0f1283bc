#include "injector/site/names.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <exception>
#include <future>
#include <map>
#include <memory>
#include <thread>

#include "injector/base/error.h"
#include "injector/base/file_text.h"
#include "injector/base/mapped.h"
#include "injector/base/own_mounts.h"

namespace faultline::site {
namespace {

/// The calling thread, alone, sees the files of `etc` in /etc. All of this vanishes with the thread.
void take_files_from(const std::string& etc) {
  take_own_mounts(MS_PRIVATE);
  std::map<std::string, std::string> files;
  for (const char* name : {"resolv.conf", "hosts"})
    if (std::string text; read_file(etc + "/" + name, Readable::regular_file, text).empty())
      files[name] = std::move(text);
  check("make room for the target's resolver files", mount("none", "/mnt", "tmpfs", 0, "size=1m"));
  show_in_etc("/mnt", files);
  // systemd-resolved would answer as this machine does.
  struct stat st {};
  constexpr const char* kResolved = "/run/systemd/resolve/io.systemd.Resolve";
  if (stat(kResolved, &st) == 0)
    check("leave systemd-resolved out", mount("/dev/null", kResolved, nullptr, MS_BIND, nullptr));
}

std::vector<IpPrefix> ask(const std::string& name) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  const int rc = getaddrinfo(name.c_str(), nullptr, &hints, &list);
  if (rc != 0)
    throw Failure(Exit::cannot_run, rc == EAI_SYSTEM ? std::generic_category().message(errno) : gai_strerror(rc));
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(list, freeaddrinfo);
  std::vector<IpPrefix> all;
  for (const addrinfo* each = list; each != nullptr; each = each->ai_next) {
    IpPrefix address;
    if (each->ai_family == AF_INET) {
      std::memcpy(address.bytes.data(), &reinterpret_cast<const sockaddr_in*>(each->ai_addr)->sin_addr, 4);
      address.length = 32;
    } else if (each->ai_family == AF_INET6) {
      std::memcpy(address.bytes.data(), &reinterpret_cast<const sockaddr_in6*>(each->ai_addr)->sin6_addr, 16);
      address.v6 = true;
      address.length = 128;
      address = unmapped(address);
    } else {
      continue;
    }
    if (std::find(all.begin(), all.end(), address) == all.end()) all.push_back(address);
  }
  return all;
}

}  // namespace

std::vector<IpPrefix> look_up(const std::string& name, const NetNs& ns, const std::string& etc,
                              const Progress& progress) {
  // A thread of its own: the C library keeps a thread's resolver settings, and namespaces can be left no other way. It
  // is left behind when nobody waits for the answer any more.
  std::packaged_task<std::vector<IpPrefix>()> task([name, etc, in = ns.duplicate()] {
    const Inside inside(in);
    if (!etc.empty()) take_files_from(etc);
    return ask(name);
  });
  std::future<std::vector<IpPrefix>> answer = task.get_future();
  std::thread(std::move(task)).detach();
  while (answer.wait_for(std::chrono::milliseconds(50)) != std::future_status::ready)
    progress(fmt::format("looking up {}", name));
  std::vector<IpPrefix> found;
  try {
    found = answer.get();
  } catch (const std::exception& e) {
    throw Failure(Exit::cannot_run, fmt::format("the name \"{}\" does not resolve{}: {}", name,
                                                etc.empty() ? "" : " with the files in " + etc, e.what()));
  }
  return found;
}

}  // namespace faultline::site
