#include "injector/site/pods.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "injector/base/error.h"
#include "injector/base/output.h"
#include "injector/base/program.h"

namespace faultline::site {
namespace {

std::string with_dashes(std::string uid) {
  std::replace(uid.begin(), uid.end(), '_', '-');
  return uid;
}

std::string full_name(const Pod& pod) { return pod.space + "/" + pod.name; }

}  // namespace

bool is_pod_uid(const std::string& subject) {
  const auto digits = std::count_if(subject.begin(), subject.end(),
                                    [](unsigned char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
  const std::string uid = with_dashes(subject);
  if (digits != 32) return false;
  if (uid.size() == 32) return true;  // of a pod that the kubelet reads from a file
  return uid.size() == 36 && uid[8] == '-' && uid[13] == '-' && uid[18] == '-' && uid[23] == '-';
}

std::string pod_of_cgroup(const std::string& path) {
  if (path.find("kubepods") == std::string::npos) return {};
  std::string name = path.substr(path.rfind('/') + 1);
  constexpr std::string_view kSlice = ".slice";
  if (name.ends_with(kSlice)) {
    name.resize(name.size() - kSlice.size());
    const auto at = name.rfind('-');  // a uid has none of these
    name = at == std::string::npos ? "" : name.substr(at + 1);
  }
  if (!name.starts_with("pod") || !is_pod_uid(name.substr(3))) return {};
  return with_dashes(name.substr(3));
}

std::vector<Pod> read_pods(const std::string& text) {
  const auto json = nlohmann::json::parse(text, nullptr, false);
  const auto word = [](const nlohmann::json& in, const char* key) {
    return in.contains(key) && in[key].is_string() ? in[key].get<std::string>() : "";
  };
  if (!json.is_object() || !json.contains("items") || !json["items"].is_array())
    throw Failure(Exit::cannot_run, "`crictl pods -o json` does not answer with a list of pods");
  std::vector<Pod> pods;
  for (const auto& item : json["items"]) {
    if (!item.is_object() || !item.contains("metadata") || !item["metadata"].is_object()) continue;
    const auto& about = item["metadata"];
    pods.push_back(
        {word(about, "namespace"), word(about, "name"), word(about, "uid"), word(item, "state") == "SANDBOX_READY"});
  }
  return pods;
}

std::vector<Pod> list_pods() {
  if (!can_execute("crictl"))
    throw Failure(Exit::cannot_run,
                  "a pod is found by its name through crictl, which is not installed. Name it by its uid: kubectl get "
                  "pod NAME -o "
                  "jsonpath='{.metadata.uid}'");
  int status = 0;
  const std::string text = output_of({"crictl", "pods", "-o", "json"}, status);
  if (status != 0)
    throw Failure(Exit::cannot_run, status == -1
                                        ? "`crictl pods` does not answer"
                                        : fmt::format("`crictl pods` failed (exit {}): try it by hand", status));
  return read_pods(text);
}

std::string uid_of_pod(const std::vector<Pod>& pods, const std::string& name) {
  std::vector<const Pod*> found;
  for (const auto& pod : pods)
    if (pod.ready && (pod.name == name || full_name(pod) == name)) found.push_back(&pod);
  if (found.empty()) return {};
  if (found.size() == 1) return found.front()->uid;
  std::vector<std::string> names;
  for (const auto* pod : found) names.push_back(fmt::format("{} ({})", full_name(*pod), pod->uid));
  throw Failure(Exit::cannot_run,
                fmt::format("there are several pods {}: {}. Name one with its namespace, or by its uid", name,
                            fmt::join(names, ", ")));
}

std::string cgroup_of_pod(const CgroupTree& tree, const std::string& uid) {
  const std::string sought = with_dashes(uid);
  for (const auto& path : tree.groups())
    if (pod_of_cgroup(path) == sought) return path;
  return {};
}

}  // namespace faultline::site
