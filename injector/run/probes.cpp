#include "injector/run/probes.h"

#include <fmt/format.h>

#include <algorithm>

#include "injector/base/error.h"
#include "injector/lab/lab.h"
#include "injector/plan/subjects.h"
#include "injector/site/find.h"

namespace faultline::run {
namespace {

/// The namespace that a probe asks from, and in `from` what there is of a lab host; none: our own.
std::optional<NetNs> place_of(const observe::Scene& scene, const plan::Probe& probe, probe::From& from) {
  if (probe.from == "here") return std::nullopt;
  const plan::Plan& plan = scene.plan;
  const plan::Target* target = plan.find_target(probe.from);
  if (target == nullptr)
    throw Failure(Exit::invalid, fmt::format("probe \"{}\": from \"{}\" is not a target", probe.name, probe.from));
  if (target->where == plan::Target::Where::host) {
    from.enclosure = target->subject;
    const auto host = std::find_if(plan.lab->hosts.begin(), plan.lab->hosts.end(),
                                   [&](const auto& h) { return h.name == target->subject; });
    if (host != plan.lab->hosts.end() && host->clients > 1)
      for (const auto& address : scene.lab->addresses(host->name)) from.clients.push_back(address.address_text());
    return scene.lab->host_ns(target->subject).duplicate();
  }
  if (!plan::comes_and_goes(target->where))
    throw Failure(
        Exit::invalid,
        fmt::format("probe \"{}\": from \"{}\" is not in one network namespace; name a lab host or a netns target",
                    probe.name, probe.from));
  const auto spots = scene.finder.find(*target);
  if (spots.size() != 1)
    throw Failure(
        Exit::cannot_run,
        fmt::format("probe \"{}\": target \"{}\" is in {} network namespaces; say which by a target with netns",
                    probe.name, probe.from, spots.size()));
  return spots.front().ns.duplicate();
}

}  // namespace

void Probes::prepare(const observe::Scene& scene) {
  for (std::size_t i = 0; i < plan_.probes.size(); i++) {
    const plan::Probe& probe = plan_.probes[i];
    scene.progress(fmt::format("preparing probe {}", probe.name));
    probe::From from;
    if (scene.lab) from.names = scene.lab->names();
    const auto ns = place_of(scene, probe, from);
    if (ns) from.net = &*ns;
    probers_.push_back(std::make_unique<probe::Prober>(
        probe, i, from, scene.nursery, [tell = scene.sample](const probe::Sample& sample) { tell(sample); }));
  }
}

void Probes::begin(Ns epoch) {
  for (auto& prober : probers_) prober->start(epoch, plan_.duration);
}

void Probes::hold(Ns instant) {
  for (auto& prober : probers_) prober->hold(instant);
}

void Probes::go_on(Ns epoch) {
  for (auto& prober : probers_) prober->go_on(epoch);
}

void Probes::end() {
  for (auto& prober : probers_) prober->finish();
}

void Probes::abort() {
  for (auto& prober : probers_) prober->abort();
}

std::string Probes::failure() const {
  for (std::size_t i = 0; i < probers_.size(); i++)
    if (const auto failure = probers_[i]->failure(); !failure.empty())
      return fmt::format("probe \"{}\": {}", plan_.probes[i].name, failure);
  return {};
}

}  // namespace faultline::run
