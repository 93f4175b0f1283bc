// Pods of Kubernetes: from a name to the pod's uid, and from there to the cgroup that the kubelet made for it. Which
// namespace it has is the kernel's to tell.
#pragma once

#include <string>
#include <vector>

#include "injector/site/cgroups.h"

namespace faultline::site {

/// A pod as the container runtime of this node knows it.
struct Pod {
  std::string space, name, uid;  ///< `space`: its namespace, of Kubernetes
  bool ready = false;            ///< false: what is left of one that has ended
};

/// Whether a subject is a uid, and not a name: 32 hexadecimal digits, with or without dashes. In a cgroup's name dashes
/// may be written as underscores.
bool is_pod_uid(const std::string& subject);
/// The uid, with dashes, of the pod whose cgroup this path is; empty when it is none. The kubelet has two ways of
/// naming: /kubepods/burstable/podUID, and under systemd /kubepods.slice/…/kubepods-burstable-podU_I_D.slice.
std::string pod_of_cgroup(const std::string& path);

/// Reads what `crictl pods -o json` answers. Throws Failure(cannot_run) when it is something else.
std::vector<Pod> read_pods(const std::string& json);
/// Asks this node's container runtime. Throws Failure(cannot_run) when there is no crictl, or it does not answer.
std::vector<Pod> list_pods();
/// The uid of the pod called `name` or `namespace/name`; empty when none is ready. Throws Failure(cannot_run) when
/// several are.
std::string uid_of_pod(const std::vector<Pod>& pods, const std::string& name);

/// The cgroup of a pod; empty when there is none.
std::string cgroup_of_pod(const CgroupTree& tree, const std::string& uid);

}  // namespace faultline::site
