#include "injector/pen/selectors.h"

#include <bpf/bpf.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string>

#include "injector/base/error.h"
#include "injector/pen/answers.h"

namespace faultline::pen {
namespace {

/// Each set of programs takes the verifier a quarter of a second. Beyond these, all sites share one that asks their
/// packets all that any of them needs.
constexpr std::size_t kMostShapes = 4;

constexpr std::array kOfThePlayer = {"control",   "slots",   "ledgers", "site_tallies", "tallies",  "histograms",
                                     "rules",     "points",  "tracks",  "segments",     "presents", "connections",
                                     "following", "states",  "flows",   "ordinals",     "openings", "subjects",
                                     "mates",     "flights", "banked",  "ended",        "losses",   "loss_blocks",
                                     "no_losses", "dropping"};
constexpr std::array kShared = {"configs", "live",   "live_now", "index4",     "starts4",  "spans4",      "index6",
                                "starts6", "spans6", "learned",  "devices",    "ports",    "port_tables", "answers",
                                "names",   "opened", "refusals", "slot_index", "slot_next"};
constexpr std::array kByCgroup = {"cgroups", "cgroup_levels"};

bool equal(const fl_selector_shape& a, const fl_selector_shape& b) { return std::memcmp(&a, &b, sizeof a) == 0; }

/// What is asked by either.
fl_selector_shape unite(fl_selector_shape a, const fl_selector_shape& b) {
  std::array<std::uint8_t, sizeof a> one, other;  // all are 0 or 1, but for what is one and the same for a run
  std::memcpy(one.data(), &a, sizeof a);
  std::memcpy(other.data(), &b, sizeof b);
  for (std::size_t i = 0; i < sizeof a; i++) one[i] |= other[i];
  std::memcpy(&a, one.data(), sizeof a);
  return a;
}

bool covers(const fl_selector_shape& a, const fl_selector_shape& b) { return equal(unite(a, b), a); }

template <class Key, class Value>
void put(const BpfObject& object, const char* map, const Key& key, const Value& value) {
  if (bpf_map_update_elem(object.map(map), &key, &value, BPF_ANY) == 0) return;
  if (errno == E2BIG)
    throw Failure(Exit::cannot_run,
                  fmt::format("the table of {} is full: a run takes {} in all", map, static_cast<int>(FL_MAX_ENTRIES)));
  throw std::system_error(errno, std::generic_category(), std::string("write eBPF map ") + map);
}

}  // namespace

Selectors::Selectors(Engine engine, const faults::Score& score, const std::vector<Seating>& sites,
                     std::uint16_t reinjection_mark, std::uint32_t seats, const BpfObject& player,
                     const Progress& progress)
    : engine_(engine),
      score_(score),
      reinjection_mark_(reinjection_mark),
      player_(player),
      btf_(access("/sys/kernel/btf/vmlinux", R_OK) == 0),
      seats_(seats) {
  Tables tables;
  std::vector<Settings> all;
  for (const Seating& seating : sites) {
    progress(fmt::format("compiling the rules of target {}/{}", all.size() + 1, sites.size()));
    const site::Masks masks = compile(seating);
    tables_.push_back(tables.add(masks));
    all.push_back(settle(seating, masks));
  }
  std::vector<fl_selector_shape> shapes;
  for (const Settings& settings : all)
    if (std::none_of(shapes.begin(), shapes.end(), [&](const auto& s) { return equal(s, settings.shape); }))
      shapes.push_back(settings.shape);
  if (shapes.size() > kMostShapes) {
    for (const auto& shape : shapes) shapes.front() = unite(shapes.front(), shape);
    shapes.resize(1);
  }
  for (const auto& shape : shapes) {
    progress(fmt::format("loading the programs that select packets ({}/{})", loaded_.size() + 1, shapes.size()));
    load(shape, [&](BpfObject& object) { size_tables(object, tables, all); });
  }
  fill_tables(tables);
  for (const Settings& settings : all) write(settings);
}

site::Masks Selectors::compile(const Seating& seating) const {
  return site::compile_masks(*seating.rules, score_.sites.at(seating.place.site).bits);
}

Selectors::Settings Selectors::settle(const Seating& seating, const site::Masks& masks) const {
  const SelectorPlace& place = seating.place;
  const faults::SiteScore& own = score_.sites.at(place.site);
  const TablesOfSite& tables = tables_.at(place.site);
  if (masks.cgroup_rules != 0 && !btf_)
    throw Failure(
        Exit::cannot_run,
        "this kernel has no BTF (/sys/kernel/btf/vmlinux), without which a service's packets cannot be told from "
        "others'; name a namespace, a device or a port");
  Settings settings;
  fl_selector_config& config = settings.config;
  config.site = place.seat;
  config.near = place.near;
  config.netns = place.netns;
  config.first_rule = own.first_rule;
  config.first_bank = score_.first_bank(own);
  config.first_live = own.first_live;
  config.live_count = own.live_count;
  config.port_table = tables.port_table;
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
  config.peers4 = tables.peers4;
  config.peers6 = tables.peers6;
  for (const std::uint16_t port : place.exempt_ports) config.exempt[config.exempt_count++] = port;
  config.tunnel_protocols = place.tunnels.protocols;
  for (const std::uint16_t port : place.tunnels.ports) config.tunnel_ports[config.tunnel_port_count++] = port;
  if (!place.tunnels.empty()) config.inside_rules = masks.inside_rules;
  const auto rules_with = [&](std::uint32_t flag) {
    return score_.bits_where(own, [&](std::uint32_t rule) { return (score_.rules[rule].flags & flag) != 0; });
  };
  config.holding_rules =
      score_.bits_where(own, [&](std::uint32_t rule) { return (score_.rules[rule].uses & FL_HOLDING) != 0; });
  config.delaying_rules = rules_with(FL_RULE_DELAYS);
  config.mate_rules = rules_with(FL_RULE_MATES);
  config.size_rules = score_.size_rules(own);
  configure_answers(config, score_, own);

  fl_selector_shape& shape = settings.shape;
  shape.reinjection_mark = reinjection_mark_;
  shape.peers4 = config.peers4.count != 0;
  shape.peers6 = config.peers6.count != 0;
  shape.learned = config.learned_rules != 0;
  shape.devices = config.device_rules != 0;
  shape.ports = config.port_rules != 0;
  shape.cgroups = config.cgroup_rules != 0;
  shape.exempts = config.exempt_count != 0;
  shape.tunnels = config.inside_rules != 0;
  shape.answers = config.filtered_rules != 0;
  shape.lookups = config.lookup_rules != 0;
  shape.follows = config.follow_rules != 0;
  shape.bare = place.bare;
  shape.sizes = config.size_rules != 0;
  shape.losses = score_.notes_losses;
  shape.banked_from = score_.banked_from();

  settings.devices = masks.devices;
  if (masks.cgroup_rules != 0) settings.cgroups = site::compile_cgroups(*seating.rules, own.bits);
  return settings;
}

void Selectors::write(const Settings& settings) {
  const std::uint32_t number = settings.config.site;
  Seat& seat = seats_.at(number);
  for (const auto& [device, mask] : settings.devices) {
    put(*common_, "devices", fl_device_key{number, device}, mask);
    seat.devices.push_back(device);
  }
  if (settings.shape.cgroups != 0) set_cgroups(number, settings.cgroups);
  common_->update("configs", number, &settings.config);
  for (const Loaded& loaded : loaded_)
    if (equal(loaded.shape, settings.shape)) seat.programs = loaded.object.get();
  for (const Loaded& loaded : loaded_)
    if (seat.programs == nullptr && covers(loaded.shape, settings.shape)) seat.programs = loaded.object.get();
}

void Selectors::take(const Seating& seating) {
  const Settings settings = settle(seating, compile(seating));
  if (std::none_of(loaded_.begin(), loaded_.end(), [&](const auto& l) { return covers(l.shape, settings.shape); }))
    load(settings.shape, {});
  write(settings);
}

void Selectors::leave(std::uint32_t number) {
  Seat& seat = seats_.at(number);
  for (const std::uint32_t device : seat.devices) {
    const fl_device_key key{number, device};
    (void)bpf_map_delete_elem(common_->map("devices"), &key);
  }
  seat.devices.clear();
  if (!seat.cgroups.empty()) set_cgroups(number, {});
}

void Selectors::move_device(std::uint32_t number, std::uint32_t from, std::uint32_t to) {
  Seat& seat = seats_.at(number);
  const fl_device_key before{number, from};
  std::uint64_t rules = 0;
  if (bpf_map_lookup_elem(common_->map("devices"), &before, &rules) != 0) return;
  put(*common_, "devices", fl_device_key{number, to}, rules);
  (void)bpf_map_delete_elem(common_->map("devices"), &before);
  std::replace(seat.devices.begin(), seat.devices.end(), from, to);
}

void Selectors::load(const fl_selector_shape& shape, const std::function<void(BpfObject&)>& size) {
  auto object = std::make_unique<BpfObject>(open_selector(engine_, static_cast<std::uint32_t>(loaded_.size()), btf_));
  object->configure(&shape, sizeof shape);
  for (const char* map : kOfThePlayer) object->share(map, player_);
  if (engine_ == Engine::tcx) object->share("owners", player_);
  if (common_ == nullptr) {
    size(*object);
  } else {
    for (const char* map : kShared) object->share(map, *common_);
    for (const char* map : kByCgroup)
      if (object->has_map(map)) object->share(map, *common_);
  }
  for (std::uint32_t hook = 0; hook < FL_HOOKS; hook++) {
    const bool bare = hook == FL_AT_BARE_OUT || hook == FL_AT_BARE_IN;
    if (bare && shape.bare == 0) object->leave_out(std::string("select_") + kHooks[hook]);
    if (shape.answers == 0 || (bare && shape.bare == 0)) object->leave_out(std::string("answer_") + kHooks[hook]);
  }
  object->load();
  enter_programs(*object, "gate", "select_");
  enter_programs(*object, "stages", "answer_");
  loaded_.push_back({shape, std::move(object)});
  if (common_ == nullptr) common_ = loaded_.front().object.get();
}

void Selectors::size_tables(BpfObject& object, const Tables& tables, const std::vector<Settings>& all) const {
  const auto any = [&](auto of) { return std::any_of(all.begin(), all.end(), of); };
  const auto seats = static_cast<std::uint32_t>(seats_.size());
  object.resize("configs", seats);
  object.resize("live", static_cast<std::uint32_t>(score_.live.size()));
  object.resize("live_now", seats);
  object.resize("refusals", seats);
  if (object.has_map("cgroup_levels")) object.resize("cgroup_levels", seats);
  if (!any([](const Settings& s) { return s.shape.learned != 0; })) object.resize("learned", 1);
  if (!any([](const Settings& s) { return s.shape.devices != 0; })) object.resize("devices", 1);
  tables.size(object);
  size_answers(object, score_);
}

void Selectors::fill_tables(const Tables& tables) const {
  common_->fill("live", score_.live.data(), sizeof(fl_live), static_cast<std::uint32_t>(score_.live.size()));
  tables.fill(*common_);
  fill_answers(*common_, score_);
}

void Selectors::set_cgroups(std::uint32_t number, const site::CgroupMasks& masks) {
  Seat& seat = seats_.at(number);
  std::vector<std::uint64_t> now;
  for (const auto& [id, rules] : masks.rules) {
    put(*common_, "cgroups", fl_cgroup_key{id, number, 0}, rules);
    now.push_back(id);
  }
  common_->update("cgroup_levels", number, &masks.levels);
  for (const std::uint64_t id : seat.cgroups) {
    const fl_cgroup_key key{id, number, 0};
    if (!masks.rules.contains(id)) (void)bpf_map_delete_elem(common_->map("cgroups"), &key);
  }
  seat.cgroups = std::move(now);
}

void Selectors::tell_learned(std::uint32_t site, const fl_address& address, const fl_masks& rules) {
  put(*common_, "learned", fl_learned_key{address, score_.sites.at(site).first_rule, 0}, rules);
}

}  // namespace faultline::pen
