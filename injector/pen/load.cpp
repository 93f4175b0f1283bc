#include "injector/pen/load.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <algorithm>
#include <string>

#include "faults/losses_abi.h"
#include "injector/base/error.h"

namespace faultline::pen {
namespace {

std::uint32_t count_faults(const faults::Score& score) {
  std::uint32_t faults = 0;
  for (const fl_rule& rule : score.rules) faults = std::max(faults, rule.fault + 1);
  return faults;
}

}  // namespace

std::uint64_t memory_of_counters(const faults::Score& score) {
  const auto cpus = static_cast<std::uint64_t>(libbpf_num_possible_cpus());
  return cpus * (count_faults(score) * FL_HISTOGRAMS * sizeof(fl_histogram) +
                 score.rules.size() * (sizeof(fl_tally) + FL_TRACKS * sizeof(fl_segment) + sizeof(fl_present)));
}

/// Each CPU keeps some free entries for itself, which the others cannot have.
static std::uint32_t room_for_losses() {
  constexpr std::uint32_t kKeptByCpu = 2 * 128;  // LOCAL_FREE_TARGET of kernel/bpf/bpf_lru_list.c, twice
  return FL_MAX_LOSS_BLOCKS + kKeptByCpu * static_cast<std::uint32_t>(libbpf_num_possible_cpus());
}

fl_site site_of(const faults::Score& score, const faults::SiteScore& own, std::uint32_t far) {
  fl_site site{};
  site.far = far;
  site.first_rule = own.first_rule;
  site.first_bank = score.first_bank(own);
  site.size_rules = score.size_rules(own);
  site.sent_rules =
      score.bits_where(own, [&](std::uint32_t rule) { return (score.rules[rule].flags & FL_RULE_SENT) != 0; });
  return site;
}

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
  const auto banked = static_cast<std::uint32_t>(score.banked.size());
  player->resize("rules", rules);
  player->resize("banked", std::max<std::uint32_t>(1, banked));
  player->resize("states", rules * 2);
  const auto curves = static_cast<std::uint32_t>(score.curves.size());
  player->resize("curves", curves);
  player->resize("connections", score.follows_connections() ? FL_MAX_FOLLOWED : 1);
  player->resize("ended", score.follows_connections() ? FL_MAX_ENDED : 1);
  player->resize("losses", score.notes_losses ? room_for_losses() : 1);
  player->resize("tallies", rules);
  player->resize("mates", std::max<std::uint32_t>(1, static_cast<std::uint32_t>(score.mates.size())));
  player->resize("histograms", count_faults(score) * FL_HISTOGRAMS);
  player->resize("sites", count + spare);
  player->resize("flights", count + spare);
  player->resize("site_tallies", count + spare);
  player->configure(&config, sizeof config);
  player->load();
  player->fill("points", score.points.data(), sizeof(fl_point), points);
  player->fill("tracks", score.tracks.data(), sizeof(fl_track), rules * FL_TRACKS);
  player->fill("rules", score.rules.data(), sizeof(fl_rule), rules);
  if (banked != 0) player->fill("banked", score.banked.data(), sizeof(std::uint32_t), banked);
  const __u64 none = 0;
  for (const auto& mate : score.mates)
    check_neg("fill the map of targets", bpf_map_update_elem(player->map("mates"), &mate.key, &none, BPF_ANY));
  player->fill("curves", score.curves.data(), sizeof(fl_curve), curves);
  for (std::uint32_t i = 0; i < count; i++) {
    const fl_site site = site_of(score, score.sites[i], far[i]);
    player->update("sites", i, &site);
  }
  return player;
}

void enter_programs(const BpfObject& selector, const char* array, const std::string& prefix) {
  for (std::uint32_t hook = 0; hook < FL_HOOKS; hook++) {
    const int program = selector.program(prefix + kHooks[hook]);
    if (program != -1) selector.update(array, hook, &program);
  }
}

void set_owner(Engine engine, const BpfObject& player) {
  if (engine != Engine::tcx) return;
  LIBBPF_OPTS(bpf_test_run_opts, run);
  check_neg("let the programs watch this process", bpf_prog_test_run_opts(player.program("set_owner"), &run));
  if (run.retval != 0) throw Failure(Exit::cannot_run, "the kernel did not let the programs watch this process");
}

}  // namespace faultline::pen
