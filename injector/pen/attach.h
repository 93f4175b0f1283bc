// How a program comes onto a device, and off it. TCX links (kernel 6.6+) vanish with our process. Under clsact (older
// kernels) filter and qdisc stay behind when we are killed, so that a janitor, forked beforehand, takes away what we
// noted with it; only what we created is ever removed.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "injector/base/fd.h"
#include "injector/base/netns.h"

namespace faultline::pen {

enum class Hook { ingress, egress };
enum class Engine {
  tcx,    ///< bpf_link on TCX, first in the chain
  clsact  ///< the classic qdisc
};

class Janitor;

/// One program on one hook of one device. Detaches when destroyed; close() says whether that worked.
class Attachment {
 public:
  /// Called with the device's namespace entered. `ours` is true for devices that Faultline made itself: they vanish
  /// with their namespace, and nothing needs noting.
  static Attachment make(Engine engine, int program, int ifindex, Hook hook, const std::string& device, const NetNs& ns,
                         Janitor* janitor, bool ours);
  Attachment(Attachment&&) noexcept;
  Attachment& operator=(Attachment&&) noexcept;
  ~Attachment();
  /// Throws when something of ours could not be taken away. A device that is gone took everything with it: no error.
  void close();
  /// What the user should know about it; mostly nothing.
  std::string remark() const;

 private:
  struct State;
  explicit Attachment(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// What this kernel offers.
struct Features {
  bool tcx = false;          ///< TCX links
  bool owner_check = false;  ///< kfuncs to hold our own task
  bool btf = false;
  Engine engine() const { return tcx && owner_check ? Engine::tcx : Engine::clsact; }
};
Features probe_features();

}  // namespace faultline::pen
