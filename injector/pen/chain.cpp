#include "injector/pen/chain.h"

#include <bpf/bpf.h>
#include <fmt/format.h>
#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "injector/base/error.h"
#include "injector/base/fd.h"

namespace faultline::pen {
namespace {

// include/uapi/linux/bpf.h of 6.6; libbpf 1.1 does not know it.
struct Query {
  std::uint32_t target, attach_type, query_flags, attach_flags;
  std::uint64_t prog_ids;
  std::uint32_t count, pad;
  std::uint64_t prog_attach_flags, link_ids, link_attach_flags, revision;
};
static_assert(sizeof(Query) == 64);
constexpr std::uint32_t kMost = 64;  // programs on one hook: the kernel takes no more

/// 0, or -errno.
int ask(Query& query) {
  for (;;) {
    if (syscall(SYS_bpf, BPF_PROG_QUERY, &query, sizeof query) == 0) return 0;
    if (errno != EINTR) return -errno;
  }
}

Query query_of(int ifindex, Hook hook) {
  Query query{};
  query.target = static_cast<std::uint32_t>(ifindex);
  query.attach_type = tcx_type(hook);
  return query;
}

bool is_absent(int error) { return error == -ENODEV; }
/// No chain yet, or a kernel that has none.
bool is_empty(int error) { return error == -ENOENT || error == -EINVAL || error == -EOPNOTSUPP; }

}  // namespace

std::optional<Chain> tcx_chain(int ifindex, Hook hook) {
  std::uint32_t programs[kMost] = {}, links[kMost] = {};
  Query query = query_of(ifindex, hook);
  query.prog_ids = reinterpret_cast<std::uint64_t>(programs);
  query.link_ids = reinterpret_cast<std::uint64_t>(links);
  query.count = kMost;
  const int error = ask(query);
  if (is_absent(error)) return std::nullopt;
  if (is_empty(error)) return Chain{};
  check_neg("ask who is on a device's hook", error);
  Chain chain;
  chain.revision = query.revision;
  for (std::uint32_t i = 0; i < std::min(query.count, kMost); i++) chain.entries.push_back({programs[i], links[i]});
  return chain;
}

std::optional<std::uint64_t> tcx_revision(int ifindex, Hook hook) {
  Query query = query_of(ifindex, hook);
  const int error = ask(query);
  if (is_absent(error)) return std::nullopt;
  if (is_empty(error)) return 0;
  check_neg("ask whether a device's hook has changed", error);
  return query.revision;
}

std::uint64_t changes_between(const Chain& before, const Chain& after) {
  const auto count_missing = [](const Chain& from, const Chain& in) {
    return static_cast<std::uint64_t>(std::count_if(from.entries.begin(), from.entries.end(), [&](const auto& entry) {
      return std::find(in.entries.begin(), in.entries.end(), entry) == in.entries.end();
    }));
  };
  return count_missing(before, after) + count_missing(after, before);
}

std::string program_name(std::uint32_t id) {
  const Fd program(bpf_prog_get_fd_by_id(id));
  bpf_prog_info info{};
  std::uint32_t size = sizeof info;
  if (!program || bpf_obj_get_info_by_fd(program.get(), &info, &size) != 0 || info.name[0] == 0)
    return fmt::format("program {}", id);
  return fmt::format("program {} (id {})", info.name, id);
}

}  // namespace faultline::pen
