// How a program comes onto a device, and off it. TCX links (kernel 6.6+) vanish with our process. Under clsact (older
// kernels) filter and qdisc stay behind when we are killed, so that a janitor, forked beforehand, takes away what we
// noted with it; only what we created is ever removed.
#pragma once

#include <cstdint>
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

/// What to know of clsact before it is used.
inline constexpr const char* kClsactEmptiesQueues =
    "where a device has no clsact qdisc yet, the kernel empties its queue when ours is added and when it is taken away "
    "(docs/kernels.md)";

class Janitor;

/// How a program of ours stands on its hook.
struct Standing {
  bool attached = true;
  bool device_gone = false;         ///< from the namespace, and with it all else that could be said
  std::vector<std::string> before;  ///< programs and filters of others that run first
  bool changed = false;             ///< since the last look something came and went, which may have run first
  bool is_first() const { return attached && before.empty(); }
};

/// Where a device went that left its namespace.
struct MovedTo {
  int index = 0;             ///< of the device, there
  std::optional<int> netns;  ///< that namespace, by the number by which the one left knows it; absent: not told
};

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
  std::uint32_t priority() const;  ///< of a filter; 0: it is a link, and has none
  /// Asks the kernel whether it is still there, and first. With the device's namespace entered. `quiet`: nothing has
  /// happened to filters since the last look, as far as the namespace's events say.
  Standing look(bool quiet);
  /// Its device has moved to another network namespace: takes it away there, and says whether nothing of it is left.
  /// For a link there is nothing to look for.
  bool take_away_elsewhere(const MovedTo& to);

 private:
  struct State;
  explicit Attachment(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// Attaches to the ingress of a device that Faultline made itself. Program and qdisc go with the device, so nothing
/// needs noting. A clsact qdisc is enough: it takes microseconds, where TCX waits for all CPUs (10 to 20 ms). Called
/// with the device's namespace entered. What is returned has to be kept as long as the device, if there is anything.
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
