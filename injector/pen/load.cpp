#include "injector/pen/load.h"

#include <bpf/bpf.h>
#include <unistd.h>

#include <string>

#include "injector/base/error.h"
#include "injector/pen/answers.h"
#include "injector/site/masks.h"

namespace faultline::pen {
namespace {

/// The rules of a site of which `is` holds.
template <class Is>
std::uint64_t rules_that(const faults::Score& score, const faults::SiteScore& own, std::size_t count, Is is) {
  std::uint64_t found = 0;
  for (std::size_t i = 0; i < count; i++) {
    if (is(score.rules[own.first_rule + i])) found |= 1ull << i;
  }
  return found;
}

fl_selector_config configuration(const site::Masks& masks, const faults::SiteScore& score, const Place& place) {
  fl_selector_config config{};
  config.site = place.seat;
  config.near = place.near;
  config.first_rule = score.first_rule;
  config.live_count = score.live_count;
  config.tcp = masks.tcp;
  config.udp = masks.udp;
  config.icmp = masks.icmp;
  config.other = masks.other;
  config.port_rules = masks.port_rules;
  config.peer_port_rules = masks.peer_port_rules;
  config.own_port_rules = masks.own_port_rules;
  config.loopback_rules = masks.loopback_rules;
  config.cgroup_rules = masks.cgroup_rules;
  config.device_rules = masks.device_rules;
  config.learned_rules = masks.learned_rules;
  config.any4 = masks.any4;
  config.any6 = masks.any6;
  config.guard = place.guard;
  config.peers4 = masks.peers4.setting();
  config.peers6 = masks.peers6.setting();
  config.ports = !masks.ports.empty();
  for (const std::uint16_t port : place.exempt_ports) config.exempt[config.exempt_count++] = port;
  config.tunnel_protocols = place.tunnels.protocols;
  for (const std::uint16_t port : place.tunnels.ports) config.tunnel_ports[config.tunnel_port_count++] = port;
  if (!place.tunnels.empty()) config.inside_rules = masks.inside_rules;
  return config;
}

void size_peers(BpfObject& object, const char* family, const site::Peers& peers) {
  const auto intervals = static_cast<std::uint32_t>(peers.starts.size());
  object.resize(std::string("starts") + family, intervals);
  object.resize(std::string("spans") + family, intervals);
  object.resize(std::string("index") + family, static_cast<std::uint32_t>(peers.index.size()));
}

void fill_peers(const BpfObject& object, const char* family, const site::Peers& peers) {
  const auto intervals = static_cast<std::uint32_t>(peers.starts.size());
  object.fill(std::string("spans") + family, peers.spans.data(), sizeof(fl_masks), intervals);
  object.fill(std::string("index") + family, peers.index.data(), sizeof(__u32),
              static_cast<std::uint32_t>(peers.index.size()));
  if (family[0] == '6') {
    object.fill("starts6", peers.starts.data(), sizeof(fl_address), intervals);
    return;
  }
  std::vector<__u64> starts;  // of IPv4 addresses the upper halves are all there is
  for (const auto& start : peers.starts) starts.push_back(start.high);
  object.fill("starts4", starts.data(), sizeof(__u64), intervals);
}

}  // namespace

std::unique_ptr<BpfObject> load_player(Engine engine, const faults::Score& score, const fl_player_config& config,
                                       const std::vector<std::uint32_t>& far, std::uint32_t spare) {
  auto player = std::make_unique<BpfObject>(open_player(engine));
  const auto rules = static_cast<std::uint32_t>(score.rules.size());
  const auto points = static_cast<std::uint32_t>(score.points.size());
  const auto count = static_cast<std::uint32_t>(far.size());
  player->resize("points", points);
  player->resize("tracks", rules * FL_TRACKS);
  player->resize("segments", rules * FL_TRACKS);
  player->resize("presents", rules);
  player->resize("rules", rules);
  player->resize("states", rules * 2);
  const auto curves = static_cast<std::uint32_t>(score.curves.size());
  player->resize("curves", curves);
  player->resize("tallies", rules);
  player->resize("histograms", rules * 2);
  player->resize("sites", count + spare);
  player->resize("flights", count + spare);
  player->resize("site_tallies", count + spare);
  player->configure(&config, sizeof config);
  player->load();
  player->fill("points", score.points.data(), sizeof(fl_point), points);
  player->fill("tracks", score.tracks.data(), sizeof(fl_track), rules * FL_TRACKS);
  player->fill("rules", score.rules.data(), sizeof(fl_rule), rules);
  player->fill("curves", score.curves.data(), sizeof(fl_curve), curves);
  for (std::uint32_t i = 0; i < count; i++) {
    const fl_site site{far[i], score.sites[i].first_rule};
    player->update("sites", i, &site);
  }
  return player;
}

std::unique_ptr<BpfObject> load_selector(Engine engine, const std::vector<site::Rule>& rules,
                                         const faults::Score& score, const Place& place, const BpfObject& player,
                                         const BpfObject* first) {
  const site::Masks masks = site::compile_masks(rules);
  const faults::SiteScore& own = score.sites[place.site];
  const bool btf = access("/sys/kernel/btf/vmlinux", R_OK) == 0;
  if (masks.cgroup_rules != 0 && !btf)
    throw Failure(
        Exit::cannot_run,
        "this kernel has no BTF (/sys/kernel/btf/vmlinux), without which a service's packets cannot be told from "
        "others'; name a namespace, a device or a port");
  auto object = std::make_unique<BpfObject>(open_selector(engine, place.seat, btf));
  fl_selector_config config = configuration(masks, own, place);
  config.holding_rules =
      rules_that(score, own, rules.size(), [](const fl_rule& rule) { return (rule.uses & FL_HOLDING) != 0; });
  config.delaying_rules =
      rules_that(score, own, rules.size(), [](const fl_rule& rule) { return (rule.flags & FL_RULE_DELAYS) != 0; });
  configure_answers(config, score, own);
  object->configure(&config, sizeof config);
  for (const char* map : {"control", "slots", "ledgers", "site_tallies", "tallies", "histograms", "rules", "points",
                          "tracks", "segments", "presents", "states", "flows", "ordinals", "flights"})
    object->share(map, player);
  if (engine == Engine::tcx) object->share("owners", player);
  if (first != nullptr) {
    object->share("slot_index", *first);
    object->share("slot_next", *first);
  }
  object->resize("live", config.live_count);
  size_peers(*object, "4", masks.peers4);
  size_peers(*object, "6", masks.peers6);
  if (masks.learned_rules == 0) object->resize("learned", 1);
  object->resize("ports", static_cast<std::uint32_t>(masks.ports.size()));
  size_answers(*object, score, own, first);
  if (!place.bare) {
    for (const char* hook : {kHooks[FL_AT_BARE_OUT], kHooks[FL_AT_BARE_IN]})
      for (const char* prefix : {"select_", "answer_", "behind_"})
        if (engine == Engine::clsact || prefix != std::string_view("behind_"))
          object->leave_out(std::string(prefix) + hook);
  }
  object->load();
  fill_answers(*object, score, own);
  object->fill("live", score.live.data() + own.first_live, sizeof(fl_live), config.live_count);
  object->fill("ports", masks.ports.data(), sizeof(fl_ports), static_cast<std::uint32_t>(masks.ports.size()));
  fill_peers(*object, "4", masks.peers4);
  fill_peers(*object, "6", masks.peers6);
  for (const auto& [device, mask] : masks.devices) object->update("devices", device, &mask);
  if (masks.cgroup_rules != 0) set_cgroups(*object, site::compile_cgroups(rules));
  if (engine == Engine::clsact) enter_programs(*object, "gate", "behind_");
  return object;
}

void enter_programs(const BpfObject& selector, const char* array, const std::string& prefix) {
  for (std::uint32_t hook = 0; hook < FL_HOOKS; hook++) {
    const int program = selector.program(prefix + kHooks[hook]);
    if (program != -1) selector.update(array, hook, &program);
  }
}

void set_cgroups(const BpfObject& selector, const site::CgroupMasks& masks) {
  const int map = selector.map("cgroups");
  for (const auto& [id, rules] : masks.rules)
    check_neg("tell the selector a cgroup", bpf_map_update_elem(map, &id, &rules, BPF_ANY));
  selector.update("cgroup_levels", 0, &masks.levels);
  std::vector<std::uint64_t> gone;
  std::uint64_t key = 0, next = 0;
  for (bool first = true; bpf_map_get_next_key(map, first ? nullptr : &key, &next) == 0; first = false) {
    if (!masks.rules.contains(next)) gone.push_back(next);
    key = next;
  }
  for (const auto id : gone) (void)bpf_map_delete_elem(map, &id);
}

void tell_learned(const BpfObject& selector, const fl_address& address, const fl_masks& rules) {
  check_neg("tell the selector an address", bpf_map_update_elem(selector.map("learned"), &address, &rules, BPF_ANY));
}

void set_owner(Engine engine, const BpfObject& player) {
  if (engine != Engine::tcx) return;
  LIBBPF_OPTS(bpf_test_run_opts, run);
  check_neg("tell the selector its owner", bpf_prog_test_run_opts(player.program("set_owner"), &run));
  if (run.retval != 0) throw Failure(Exit::cannot_run, "the kernel did not let the selector hold its owner's task");
}

}  // namespace faultline::pen
