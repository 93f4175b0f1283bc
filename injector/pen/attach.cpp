#include "injector/pen/attach.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "injector/base/error.h"
#include "injector/pen/clsact.h"
#include "injector/pen/tc.h"

namespace faultline::pen {
namespace {

// include/uapi/linux/bpf.h of 6.6; libbpf 1.1 does not name them.
constexpr auto kTcxIngress = static_cast<bpf_attach_type>(46);
constexpr auto kTcxEgress = static_cast<bpf_attach_type>(47);
constexpr unsigned kBefore = 1u << 3;  // BPF_F_BEFORE

}  // namespace

struct Attachment::State {
  std::string what;
  Fd link;                                // tcx
  std::unique_ptr<ClassicFilter> filter;  // clsact
};

Attachment Attachment::make(Engine engine, int program, int ifindex, Hook hook, const std::string& device,
                            const NetNs& ns, Janitor* janitor) {
  auto state = std::make_unique<State>();
  state->what = std::string("attach to ") + (hook == Hook::ingress ? "ingress" : "egress") + " of " + device;
  if (engine == Engine::tcx) {
    LIBBPF_OPTS(bpf_link_create_opts, options);
    options.flags = kBefore;
    const int fd = bpf_link_create(program, ifindex, hook == Hook::ingress ? kTcxIngress : kTcxEgress, &options);
    check_neg(state->what, fd);
    state->link = Fd(fd);
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
