#include "injector/cli/output_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>
#include <system_error>

#include "injector/base/error.h"
#include "injector/base/fd.h"
#include "injector/run/folder.h"

namespace faultline::cli {
namespace {

[[noreturn]] void tell(const std::string& path, int error) {
  throw Failure(Exit::cannot_run,
                fmt::format("{} cannot be written: {}", path, std::generic_category().message(error)));
}

/// What the path leads to, if it leads somewhere: nothing is made at the end of somebody's symbolic link.
Fd open_existing(const std::string& path) {
  Fd file(::open(path.c_str(), O_WRONLY | O_TRUNC | O_CLOEXEC | O_NOCTTY));
  if (!file && errno == ENOENT)
    throw Failure(Exit::invalid,
                  fmt::format("{} is a symbolic link that leads nowhere; remove it, or name another file", path));
  return file;
}

/// The errno of what went wrong; 0: all of it is written.
int write_all(const Fd& file, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(file.get(), text.data(), text.size());
    if (n < 0 && errno != EINTR) return errno;
    if (n > 0) text.remove_prefix(static_cast<std::size_t>(n));
  }
  return 0;
}

}  // namespace

void write_output(const std::string& path, const std::string& text, bool force) {
  Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));  // O_EXCL follows no symbolic link
  const bool is_new = static_cast<bool>(file);
  if (!is_new && errno == EEXIST) {
    if (!force) throw Failure(Exit::invalid, fmt::format("{} exists already; --force writes over it", path));
    file = open_existing(path);
  }
  if (!file) tell(path, errno);
  if (const int error = write_all(file, text); error != 0) {
    if (is_new) ::unlink(path.c_str());  // half of it is of no use, and would be in the way next time
    tell(path, error);
  }
  if (is_new) run::give_to_user(path);  // another's file stays another's
}

}  // namespace faultline::cli
