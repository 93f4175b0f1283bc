#include "injector/pen/clsact.h"

#include <bpf/bpf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <net/if.h>
#include <sys/file.h>
#include <sys/random.h>
#include <time.h>

#include <optional>
#include <set>
#include <string_view>

#include "injector/base/clock.h"
#include "injector/base/error.h"
#include "injector/base/netns_search.h"
#include "injector/pen/janitor.h"
#include "injector/pen/tc.h"

namespace faultline::pen {
namespace {

// A filter's name: "faultline:<process>", and "+clsact" when the qdisc is ours as well.
constexpr std::string_view kName = "faultline:";
constexpr std::string_view kMadeQdisc = "+clsact";
constexpr int kAttempts = 100;
/// A janitor that still works for a run that has just died needs milliseconds.
constexpr Ns kPatience = 2 * kSecond;

/// Tells this process's filters from those of a dead one that may have had the same pid.
const std::string& process_name() {
  static pid_t pid = 0;
  static std::string name;
  if (pid != getpid()) {
    std::uint32_t token = 0;
    check("draw a random number", getrandom(&token, sizeof token, 0));
    pid = getpid();
    name = fmt::format("{}{}-{:08x}", kName, pid, token);
  }
  return name;
}

bool is_ours(const tc::Filter& filter) { return filter.kind == "bpf" && filter.name.starts_with(kName); }
bool is_this_process(const tc::Filter& filter) {
  return filter.kind == "bpf" && filter.name.starts_with(process_name());
}
bool made_qdisc(const tc::Filter& filter) { return std::string_view(filter.name).ends_with(kMadeQdisc); }

/// One at a time in a namespace, whichever process: between the look at a qdisc and its removal nobody of Faultline may
/// put a filter on it. The lock lies on the namespace's own file and goes with its holder.
class Turn {
 public:
  Turn() : file_(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)) {
    check("open this thread's network namespace", file_.get());
    while (flock(file_.get(), LOCK_EX) != 0) {
      if (errno != EINTR) throw std::system_error(errno, std::generic_category(), "lock a network namespace");
    }
  }

 private:
  Fd file_;
};

std::uint32_t program_id(int program) {
  bpf_prog_info info{};
  std::uint32_t size = sizeof info;
  check_neg("ask for an eBPF program's id", bpf_obj_get_info_by_fd(program, &info, &size));
  return info.id;
}

bool unused(int ifindex) {
  for (const Hook hook : {Hook::ingress, Hook::egress}) {
    if (!tc::list_filters(ifindex, hook).empty() || tc::has_chains(ifindex, hook)) return false;
  }
  return true;
}

std::vector<tc::Filter> find(const Placement& placement) {
  auto filters = tc::list_filters(placement.ifindex, placement.hook);
  std::erase_if(filters, [&](const tc::Filter& f) { return !is_ours(f) || f.program != placement.program; });
  return filters;
}

/// `leaving` is called before the first step that cannot be taken back.
void take_away_in_turn(Placement& placement, const std::function<void()>& leaving) {
  const std::string device = placement.device;
  const auto found = find(placement);
  // Attached once and not there now: somebody has taken filter or qdisc away, and a qdisc that is there may be theirs.
  if (placement.attached && found.empty()) return;
  placement.attached = false;
  leaving();
  for (const tc::Filter& filter : found) tc::delete_filter(placement.ifindex, device, placement.hook, filter);
  if (placement.made_qdisc && tc::ingress_qdisc(placement.ifindex) == "clsact" && unused(placement.ifindex))
    tc::delete_clsact(placement.ifindex, device);
}

bool has_device(const NetNs& ns, int index) {
  Inside in(ns);
  char name[IF_NAMESIZE] = {};
  return if_indextoname(static_cast<unsigned>(index), name) != nullptr;
}

std::vector<Placement> leftovers(int ifindex, const std::string& device) {
  std::vector<Placement> found;
  for (const Hook hook : {Hook::ingress, Hook::egress}) {
    for (const tc::Filter& filter : tc::list_filters(ifindex, hook)) {
      if (!is_ours(filter) || is_this_process(filter)) continue;
      Placement left{ifindex, hook, filter.program, made_qdisc(filter), true, {}};
      device.copy(left.device, sizeof left.device - 1);
      found.push_back(left);
    }
  }
  return found;
}

/// Of a dead run. Its janitor may be at work; what it does not remove in time is removed here.
void remove_leftovers(int ifindex, const std::string& device) {
  const Ns deadline = monotonic_now() + kPatience;
  for (;;) {
    {
      Turn turn;
      auto left = leftovers(ifindex, device);
      if (left.empty()) return;
      if (monotonic_now() > deadline) {
        for (Placement& placement : left) take_away_in_turn(placement, [] {});
        return;
      }
    }
    const timespec pause{0, 20 * kMillisecond};
    nanosleep(&pause, nullptr);
  }
}

/// Whether Faultline made the qdisc that is there: a filter of this process on it says so.
bool qdisc_is_ours(int ifindex) {
  for (const Hook hook : {Hook::ingress, Hook::egress}) {
    for (const tc::Filter& filter : tc::list_filters(ifindex, hook)) {
      if (is_this_process(filter) && made_qdisc(filter)) return true;
    }
  }
  return false;
}

std::uint32_t lowest_free_priority(int ifindex, Hook hook) {
  std::set<std::uint32_t> taken;
  for (const tc::Filter& filter : tc::list_filters(ifindex, hook)) {
    if (filter.chain == 0) taken.insert(filter.priority);
  }
  std::uint32_t priority = 1;
  while (taken.contains(priority)) priority++;
  return priority;
}

}  // namespace

void take_away(Placement& placement, const std::function<void()>& leaving) {
  Turn turn;
  take_away_in_turn(placement, leaving);
}

struct ClassicFilter::State {
  NetNs ns;
  Placement placement;
  std::uint32_t priority = 0;
  Janitor* janitor = nullptr;
  std::optional<std::uint64_t> note;

  /// The janitor learns first: were we killed between attaching and noting, nobody would know.
  void tell() {
    if (janitor == nullptr) return;
    if (note)
      janitor->amend(*note, placement);
    else
      note = janitor->note(ns, placement);
  }

  /// The same on the way out, where a janitor that is gone must not keep us from cleaning up ourselves.
  void tell_if_possible() noexcept {
    try {
      tell();
    } catch (const std::exception&) {
    }
  }

  void provide_qdisc() {
    const std::string device = placement.device;
    for (int i = 0; i < kAttempts; i++) {
      const std::string kind = tc::ingress_qdisc(placement.ifindex);
      if (kind == "ingress" && placement.hook == Hook::egress)
        throw Failure(Exit::cannot_run, "device " + device +
                                            " has a qdisc of kind ingress, which cannot act on egress; replace it by "
                                            "one of kind clsact, which acts on both");
      placement.made_qdisc = kind.empty() || (kind == "clsact" && qdisc_is_ours(placement.ifindex));
      tell();
      if (!kind.empty() || tc::add_clsact(placement.ifindex, device)) return;
    }
    throw Failure(Exit::cannot_run, "the clsact qdisc of device " + device + " comes and goes");
  }

  void attach(int program) {
    const std::string name = process_name() + std::string(placement.made_qdisc ? kMadeQdisc : "");
    for (int i = 0; i < kAttempts; i++) {
      priority = lowest_free_priority(placement.ifindex, placement.hook);
      if (!tc::add_filter(placement.ifindex, placement.device, placement.hook, priority, program, name)) continue;
      placement.attached = true;
      tell();
      return;
    }
    throw Failure(Exit::cannot_run, std::string("the filters of device ") + placement.device + " keep changing");
  }
};

ClassicFilter::ClassicFilter(int program, int ifindex, Hook hook, const std::string& device, const NetNs& ns,
                             Janitor* janitor)
    : state_(std::make_unique<State>(State{ns.duplicate(), {}, 0, janitor, {}})) {
  State& state = *state_;
  state.placement.ifindex = ifindex;
  state.placement.hook = hook;
  state.placement.program = program_id(program);
  device.copy(state.placement.device, sizeof state.placement.device - 1);
  remove_leftovers(ifindex, device);
  Turn turn;
  try {
    state.provide_qdisc();
    state.attach(program);
  } catch (...) {
    // What cannot be undone here stays noted, and the janitor tries again.
    take_away_in_turn(state.placement, [&] { state.tell_if_possible(); });
    if (state.note) state.janitor->forget(*state.note);
    throw;
  }
}

ClassicFilter::~ClassicFilter() {
  try {
    close();
  } catch (const std::exception&) {
    // Still noted.
  }
}

void ClassicFilter::close() {
  if (!state_) return;
  const auto state = std::move(state_);
  Inside in(state->ns);
  take_away(state->placement, [&] { state->tell_if_possible(); });
  if (state->note) state->janitor->forget(*state->note);
}

Standing ClassicFilter::look() const {
  Standing standing;
  if (!state_) return standing;
  const Placement& own = state_->placement;
  standing.attached = false;
  // Listed as they run: by priority, and within one the newest first (cls_bpf_change in net/sched/cls_bpf.c).
  for (const tc::Filter& filter : tc::list_filters(own.ifindex, own.hook)) {
    if (is_ours(filter) && filter.program == own.program) {
      standing.attached = true;
      return standing;
    }
    // An entry without a handle stands for a priority, whose filters are listed as well.
    if (filter.chain != 0 || filter.handle == 0 || is_this_process(filter)) continue;
    standing.before.push_back(fmt::format("filter {}{}{} of priority {}", filter.kind, filter.name.empty() ? "" : " ",
                                          filter.name, filter.priority));
  }
  standing.before.clear();  // of what is not there
  return standing;
}

bool ClassicFilter::take_away_elsewhere(const MovedTo& to) {
  if (!state_) return true;
  Placement there = state_->placement;
  there.ifindex = to.index;
  const auto take_from = [&](const NetNs& ns) {
    Inside in(ns);
    if (find(there).empty()) return false;
    take_away(there, [] {});
    return true;
  };
  // The kernel says where it went. Mostly nothing of ours is there: what is under it goes when a device moves (all
  // kernels that we know), or went before that. Where the number tells nothing, all namespaces are searched.
  bool done = false;
  const auto ns = to.netns ? netns_of_number(state_->ns, *to.netns) : std::nullopt;
  if (ns && has_device(*ns, to.index)) {
    take_from(*ns);
    done = true;
  } else {
    each_netns([&](const NetNs& one) {
      done = take_from(one);
      return !done;
    });
  }
  if (!done) return false;
  const auto state = std::move(state_);
  if (state->note) state->janitor->forget(*state->note);
  return true;
}

std::uint32_t ClassicFilter::priority() const { return state_ ? state_->priority : 0; }

}  // namespace faultline::pen
