// How a program comes onto a device, and off it. TCX links (kernel 6.6+) vanish with our process. Under clsact (older
// kernels) filter and qdisc stay behind when we are killed, so that a janitor, forked beforehand, takes away what we
// noted with it; only what we created is ever removed.
#pragma once

#include <memory>
#include <optional>
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
  /// Called with the device's namespace entered.
  static Attachment make(Engine engine, int program, int ifindex, Hook hook, const std::string& device, const NetNs& ns,
                         Janitor* janitor);
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

/// Attaches to the ingress of a device that Faultline made itself. Program and qdisc go with the device, so that
/// nothing needs noting, and a clsact qdisc does, which takes microseconds where TCX waits for all CPUs (10 to 20 ms).
/// Called with the device's namespace entered. What is returned has to be kept as long as the device, if there is
/// anything.
std::optional<Attachment> attach_to_own(Engine engine, int program, int ifindex, const std::string& device,
                                        const NetNs& ns);

/// What this kernel offers.
struct Features {
  bool tcx = false;          ///< TCX links
  bool owner_check = false;  ///< kfuncs to hold our own task
  bool btf = false;
  Engine engine() const { return tcx && owner_check ? Engine::tcx : Engine::clsact; }
};
Features probe_features();

}  // namespace faultline::pen
