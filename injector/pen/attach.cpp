#include "injector/pen/attach.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <algorithm>
#include <optional>
#include <set>

#include "injector/base/error.h"
#include "injector/base/thread_safety.h"
#include "injector/pen/chain.h"
#include "injector/pen/clsact.h"
#include "injector/pen/tc.h"

namespace faultline::pen {
namespace {

constexpr unsigned kBefore = 1u << 3;  // BPF_F_BEFORE: include/uapi/linux/bpf.h of 6.6; libbpf 1.1 does not name it

/// Links of this process: two sites may share a hook, and each lets pass what it does not mean.
class OwnLinks {
 public:
  void add(std::uint32_t id) {
    const MutexLock lock(mutex_);
    ids_.insert(id);
  }
  void remove(std::uint32_t id) {
    const MutexLock lock(mutex_);
    ids_.erase(id);
  }
  bool contains(std::uint32_t id) {
    const MutexLock lock(mutex_);
    return ids_.contains(id);
  }

 private:
  Mutex mutex_;
  std::set<std::uint32_t> ids_ FAULTLINE_GUARDED_BY(mutex_);
};
OwnLinks& own_links() {
  static OwnLinks links;
  return links;
}

std::uint32_t link_id(int link) {
  bpf_link_info info{};
  std::uint32_t size = sizeof info;
  check_neg("ask for an eBPF link's id", bpf_obj_get_info_by_fd(link, &info, &size));
  return info.id;
}

/// Names of the programs of a chain that run before `link`; all of them when it is not there.
std::vector<std::string> others_before(const Chain& chain, std::uint32_t link) {
  std::vector<std::string> names;
  for (const auto& entry : chain.entries) {
    if (entry.link == link && link != 0) break;
    if (entry.link == 0 || !own_links().contains(entry.link)) names.push_back(program_name(entry.program));
  }
  return names;
}

}  // namespace

struct Attachment::State {
  ~State() {
    if (id != 0) own_links().remove(id);
  }

  std::string what;
  int ifindex = 0;
  Hook hook = Hook::egress;
  std::uint32_t id = 0;                   // of the link
  Chain known;                            // when it was looked at last
  std::optional<Standing> last;           // the same
  bool looked = false;                    // at all
  Fd link;                                // tcx
  std::unique_ptr<ClassicFilter> filter;  // clsact
};

Attachment Attachment::make(Engine engine, int program, int ifindex, Hook hook, const std::string& device,
                            const NetNs& ns, Janitor* janitor) {
  auto state = std::make_unique<State>();
  state->ifindex = ifindex;
  state->hook = hook;
  state->what = std::string("attach to ") + (hook == Hook::ingress ? "ingress" : "egress") + " of " + device;
  if (engine == Engine::tcx) {
    LIBBPF_OPTS(bpf_link_create_opts, options);
    options.flags = kBefore;
    const int fd = bpf_link_create(program, ifindex, static_cast<bpf_attach_type>(tcx_type(hook)), &options);
    check_neg(state->what, fd);
    state->link = Fd(fd);
    state->id = link_id(fd);
    own_links().add(state->id);
    if (const auto chain = tcx_chain(ifindex, hook)) state->known = *chain;
  } else {
    state->filter = std::make_unique<ClassicFilter>(program, ifindex, hook, device, ns, janitor);
  }
  return Attachment(std::move(state));
}

Attachment::Attachment(std::unique_ptr<State> state) : state_(std::move(state)) {}
Attachment::Attachment(Attachment&&) noexcept = default;
Attachment& Attachment::operator=(Attachment&&) noexcept = default;
Attachment::~Attachment() = default;

void Attachment::close() {
  if (!state_) return;
  auto state = std::move(state_);
  state->link.reset();
  if (state->filter) state->filter->close();
}

Standing Attachment::look(bool quiet) {
  Standing standing;
  if (!state_) return standing;
  State& state = *state_;
  const auto revision = tcx_revision(state.ifindex, state.hook);
  if (state.last && revision && *revision == state.known.revision && (quiet || !state.filter)) return *state.last;
  const auto chain = revision ? tcx_chain(state.ifindex, state.hook) : std::nullopt;
  if (!chain) {
    standing.attached = false;
    standing.device_gone = true;
    return standing;
  }
  if (state.filter) {
    standing = state.filter->look();
    for (auto& name : others_before(*chain, 0)) standing.before.push_back(std::move(name));  // TCX runs before filters
  } else {
    standing.attached = std::any_of(chain->entries.begin(), chain->entries.end(),
                                    [&](const auto& entry) { return entry.link == state.id; });
    if (standing.attached) standing.before = others_before(*chain, state.id);
  }
  state.last = standing;
  if (state.id != 0 || state.looked)
    standing.changed = chain->revision - state.known.revision > changes_between(state.known, *chain);
  state.looked = true;
  state.known = *chain;
  return standing;
}

std::uint32_t Attachment::priority() const { return state_ && state_->filter ? state_->filter->priority() : 0; }

bool Attachment::take_away_elsewhere(const MovedTo& to) {
  if (!state_ || !state_->filter) {
    close();
    return true;
  }
  return state_->filter->take_away_elsewhere(to);
}

std::string Attachment::remark() const {
  if (!state_ || !state_->filter || state_->filter->priority() <= 1) return "";
  return state_->what + ": filters of others run first and may keep packets from the fault (ours has priority " +
         std::to_string(state_->filter->priority()) + ")";
}

std::optional<Attachment> attach_to_own(Engine engine, int program, int ifindex, const std::string& device,
                                        const NetNs& ns) {
  try {
    tc::add_clsact(ifindex, device);
    tc::add_filter(ifindex, device, Hook::ingress, 1, program, "faultline");
    return std::nullopt;
  } catch (const std::system_error&) {
    if (engine != Engine::tcx) throw;  // a kernel with TCX need not have the modules sch_ingress and cls_bpf
    return Attachment::make(engine, program, ifindex, Hook::ingress, device, ns, nullptr);
  }
}

}  // namespace faultline::pen
