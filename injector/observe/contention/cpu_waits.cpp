#include "injector/observe/contention/cpu_waits.h"

#include <filesystem>
#include <sstream>
#include <system_error>

#include "injector/base/file_text.h"

namespace faultline::observe {
namespace {

constexpr int kDeepest = 64;  // of descendants: a tree that changes under us may look endless

}  // namespace

CpuWaitsReader::CpuWaitsReader(pid_t root, std::string proc) : root_(root), proc_(std::move(proc)) { read(); }

void CpuWaitsReader::read_process(pid_t process, std::map<Thread, record::CpuWaits>& found, int depth) const {
  const std::string tasks = proc_ + "/" + std::to_string(process) + "/task";
  std::error_code gone;
  for (std::filesystem::directory_iterator at(tasks, gone), end; !gone && at != end; at.increment(gone)) {
    const std::string thread = at->path().string();
    record::CpuWaits waits;
    if (std::istringstream(file_text(thread + "/schedstat")) >> waits.ran >> waits.waited >> waits.turns)
      found[{process, static_cast<pid_t>(std::atoi(at->path().filename().c_str()))}] = waits;
    if (depth == 0) continue;
    std::istringstream children(file_text(thread + "/children"));
    for (pid_t child = 0; children >> child;) read_process(child, found, depth - 1);
  }
}

CpuWaitsReader::Since CpuWaitsReader::read() {
  std::map<Thread, record::CpuWaits> found;
  read_process(root_, found, kDeepest);
  Since since;
  for (const auto& [thread, now] : found) {
    const auto before = known_.find(thread);
    // A number may have been given to another since.
    const record::CpuWaits base =
        before != known_.end() && before->second.turns <= now.turns && before->second.ran <= now.ran
            ? before->second
            : record::CpuWaits{};
    (thread.first == root_ ? since.root : since.descendants)
        .add({now.turns - base.turns, now.ran - base.ran, now.waited - base.waited});
  }
  known_ = std::move(found);
  return since;
}

}  // namespace faultline::observe
