#include "injector/base/netns.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <cstdlib>
#include <thread>

#include "injector/base/error.h"

namespace faultline {
namespace {

constexpr long kNsfsMagic = 0x6e736673;  // NSFS_MAGIC, include/uapi/linux/magic.h
constexpr const char* kOwn = "/proc/thread-self/ns/net";

Fd open_path(const std::string& path) { return Fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC)); }

}  // namespace

NetNs::NetNs(Fd fd) : fd_(std::move(fd)) {
  struct stat st {};
  check("stat network namespace", fstat(fd_.get(), &st));
  inode_ = st.st_ino;
}

NetNs NetNs::open(const std::string& name_or_path) {
  const bool is_path = name_or_path.find('/') != std::string::npos;
  const std::string path = is_path ? name_or_path : "/run/netns/" + name_or_path;
  Fd fd = open_path(path);
  if (!fd) {
    throw Failure(Exit::cannot_run, "network namespace " + path +
                                        " cannot be opened: " + std::generic_category().message(errno) +
                                        (is_path ? "" : " (see `ip netns list`)"));
  }
  struct statfs fs {};
  if (fstatfs(fd.get(), &fs) != 0 || fs.f_type != kNsfsMagic)
    throw Failure(Exit::cannot_run, path + " is not a network namespace");
  return NetNs(std::move(fd));
}

NetNs NetNs::current() {
  Fd fd = open_path(kOwn);
  check("open this thread's network namespace", fd.get());
  return NetNs(std::move(fd));
}

NetNs NetNs::create() {
  // A thread of its own, so that the caller never leaves its namespace, not even when something throws here.
  Fd fd;
  int error = 0;
  std::thread([&] {
    if (unshare(CLONE_NEWNET) != 0) {
      error = errno;
      return;
    }
    fd = open_path(kOwn);
    if (!fd) error = errno;
  }).join();
  if (error != 0) throw std::system_error(error, std::generic_category(), "create a network namespace");
  return NetNs(std::move(fd));
}

std::uint64_t NetNs::inode_of(const std::string& path) {
  struct stat st {};
  return stat(path.c_str(), &st) == 0 ? st.st_ino : 0;
}

NetNs NetNs::duplicate() const {
  return NetNs(Fd(static_cast<int>(check("duplicate a namespace", fcntl(fd_.get(), F_DUPFD_CLOEXEC, 3)))));
}

Inside::Inside(const NetNs& ns) : back_(open_path(kOwn)) {
  check("open this thread's network namespace", back_.get());
  check("enter network namespace", setns(ns.fd(), CLONE_NEWNET));
}

Inside::~Inside() {
  if (setns(back_.get(), CLONE_NEWNET) != 0) std::abort();
}

}  // namespace faultline
