#include "injector/observe/events/file_follower.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>

#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

namespace faultline::observe {

FileFollower::FileFollower(std::string path) : path_(std::move(path)) { open(true); }

/// The plan may be a stranger's: to open a device or a pipe may do something already, and neither is a log.
void FileFollower::open(bool at_end) {
  struct stat st {};
  if (stat(path_.c_str(), &st) != 0) {
    trouble_ = path_ + ": " + std::generic_category().message(errno);
    return;
  }
  if (!S_ISREG(st.st_mode)) {
    trouble_ = path_ + " is not a file";
    return;
  }
  Fd file(::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  if (!file) {
    trouble_ = path_ + ": " + std::generic_category().message(errno);
    return;
  }
  if (fstat(file.get(), &st) != 0 || !S_ISREG(st.st_mode)) return;  // another one by now: the next look will tell
  // Files of the kernel are made anew as they are read, and would be new lines again and again.
  struct statfs where {};
  if (fstatfs(file.get(), &where) == 0 && (where.f_type == PROC_SUPER_MAGIC || where.f_type == SYSFS_MAGIC)) {
    trouble_ = path_ + " is the kernel's, and no log";
    return;
  }
  offset_ = at_end ? st.st_size : 0;
  file_ = std::move(file);
  trouble_.clear();
}

bool FileFollower::read(const Lines::Take& take) {
  std::array<char, 65536> buffer;
  struct stat st {};
  if (fstat(file_.get(), &st) == 0 && st.st_size < offset_) {
    lines_.finish(take);
    offset_ = 0;
  }
  for (const off_t until = offset_ + kMostAtOnce; offset_ < until;) {
    const ssize_t got = pread(file_.get(), buffer.data(), buffer.size(), offset_);
    if (got == -1 && errno == EINTR) continue;
    trouble_ = got == -1 ? path_ + ": " + std::generic_category().message(errno) : std::string();
    if (got <= 0) return true;
    offset_ += got;
    lines_.add({buffer.data(), static_cast<std::size_t>(got)}, take);
  }
  return false;
}

bool FileFollower::was_replaced() const {
  struct stat open {
  }, now{};
  return fstat(file_.get(), &open) == 0 && stat(path_.c_str(), &now) == 0 &&
         (open.st_dev != now.st_dev || open.st_ino != now.st_ino);
}

bool FileFollower::look(const Lines::Take& take) {
  if (!file_) open(false);
  if (!file_) return true;
  const bool replaced = was_replaced();  // first: what is written to the old one before that is read yet
  const bool at_end = read(take);
  if (!replaced || !at_end) return at_end;
  lines_.finish(take);
  file_.reset();
  open(false);
  return !file_ || read(take);
}

}  // namespace faultline::observe
