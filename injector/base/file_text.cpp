#include "injector/base/file_text.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "injector/base/fd.h"

namespace faultline {
namespace {

constexpr std::size_t kMost = 64 << 20;

std::string unfit(const struct stat& status, Readable sort) {
  if (sort == Readable::regular_file && !S_ISREG(status.st_mode)) return "it is not a regular file";
  return S_ISDIR(status.st_mode) ? "it is a directory" : "";
}

}  // namespace

std::string read_file(const std::string& path, Readable sort, std::string& text) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return std::strerror(errno);
  if (std::string why = unfit(status, sort); !why.empty()) return why;
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | (sort == Readable::regular_file ? O_NONBLOCK : 0)));
  if (fd.get() < 0 || ::fstat(fd.get(), &status) != 0) return std::strerror(errno);
  if (std::string why = unfit(status, sort); !why.empty()) return why;  // it is another by now
  constexpr std::size_t kLeast = 4 << 10, kLargest = 1 << 20;           // of a step: files are small, or large
  std::size_t used = 0;
  while (true) {
    text.resize(std::max(text.size(), used + std::clamp(used, kLeast, kLargest)));
    const ssize_t n = ::read(fd.get(), text.data() + used, text.size() - used);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return std::strerror(errno);
    if (n == 0) break;
    used += static_cast<std::size_t>(n);
    if (used > kMost) return "it is larger than 64 MB";
  }
  text.resize(used);
  return {};
}

std::string file_text(const std::string& path) {
  std::string text;
  return read_file(path, Readable::anything, text).empty() ? text : std::string();
}

}  // namespace faultline
