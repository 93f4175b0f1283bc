#include "injector/base/descriptors.h"

#include <fcntl.h>
#include <sys/resource.h>

#include <filesystem>
#include <optional>

#include "injector/base/error.h"

namespace faultline {
namespace {

std::optional<rlimit> given;

rlimit limit_now() {
  rlimit limit{};
  check("read the limit of open files", getrlimit(RLIMIT_NOFILE, &limit));
  return limit;
}

}  // namespace

void raise_descriptor_limit() {
  rlimit limit = limit_now();
  if (!given) given = limit;
  if (limit.rlim_cur == limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  check("raise the limit of open files", setrlimit(RLIMIT_NOFILE, &limit));
}

void restore_descriptor_limit() noexcept {
  if (given) setrlimit(RLIMIT_NOFILE, &*given);
}

std::uint64_t descriptors_left() {
  const std::filesystem::directory_iterator open("/proc/self/fd");
  const auto count = static_cast<std::uint64_t>(std::distance(begin(open), end(open)));
  const rlim_t limit = limit_now().rlim_cur;
  return limit > count ? limit - count : 0;
}

SpareDescriptors::SpareDescriptors() {
  raise_descriptor_limit();
  for (Fd& fd : fds_)
    fd = Fd(static_cast<int>(check("open a spare descriptor", ::open("/dev/null", O_RDONLY | O_CLOEXEC))));
}

void SpareDescriptors::give_up() noexcept {
  for (Fd& fd : fds_) fd.reset();
}

}  // namespace faultline
