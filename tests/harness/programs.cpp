#include "tests/harness/programs.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <algorithm>
#include <cstring>

#include "injector/base/clock.h"
#include "injector/base/error.h"
#include "injector/pen/entrance.h"
#include "tests/harness/stage.h"

namespace faultline::test {
namespace {

constexpr Ns kLease = 60 * kSecond;  // long: a busy machine must not make the beat stale

faults::Score make_score(const std::vector<Rule>& rules) {
  std::vector<faults::RuleSource> sources;
  for (const auto& rule : rules) {
    const auto alike =
        std::find_if(rules.begin(), rules.end(), [&](const Rule& other) { return other.match == rule.match; });
    sources.push_back({rule.channel, rule.window, rule.seed, 0, rule.fault});
    sources.back().match = static_cast<std::uint32_t>(alike - rules.begin());
  }
  return faults::flatten(sources, 1);
}

/// Sum over the CPUs of an element that consists of counters.
template <class T>
T sum(const pen::BpfObject& object, const char* map, std::uint32_t key) {
  const auto cpus = static_cast<std::size_t>(libbpf_num_possible_cpus());
  std::vector<T> values(cpus);
  check_neg("read counters", bpf_map_lookup_elem(object.map(map), &key, values.data()));
  T total{};
  for (const T& value : values) {
    std::uint64_t words[sizeof(T) / 8], more[sizeof(T) / 8];
    std::memcpy(words, &total, sizeof words);
    std::memcpy(more, &value, sizeof more);
    for (std::size_t i = 0; i < sizeof(T) / 8; i++) words[i] += more[i];
    std::memcpy(&total, words, sizeof words);
  }
  return total;
}

}  // namespace

Programs::Programs(pen::Engine engine, const std::vector<Rule>& rules, Owner owner, pen::SelectorPlace place,
                   bool notes_losses)
    : score_(make_score(rules)) {
  score_.notes_losses = notes_losses;
  std::vector<site::Rule> matches;
  for (const auto& rule : rules) matches.push_back({rule.fault, "here", rule.match});
  player_ = pen::load_player(
      engine, score_, {1, 1, score_.banked_from(), score_.asks_sizes(), score_.follows_connections(), notes_losses},
      {1});
  place.near = kNear;
  const std::vector<pen::Seating> here{{&matches, place}};
  selectors_ = std::make_unique<pen::Selectors>(engine, score_, here, kGuard, 1, *player_);
  for (std::uint32_t hook = 0; hook < FL_HOOKS; hook++)
    entrances_[std::string("select_") + pen::kHooks[hook]] = pen::make_entrance(selector(), 0, hook);
  control_ = pen::Mapped<fl_control>(player_->map("control"), 1);
  flights_ = pen::Mapped<fl_flight>(player_->map("flights"), 1);
  control().lease = kLease;
  control().beat = static_cast<__u64>(monotonic_now());
  if (owner == Owner::us) pen::set_owner(engine, *player_);
  set_time(kSecond);
}

Programs::~Programs() = default;

void Programs::close_gate() {
  const std::uint32_t zero = 0;
  check_neg("close the gate", bpf_map_delete_elem(selector().map("gate"), &zero));
}

void Programs::set_time(Ns t) { control().epoch = static_cast<__u64>(monotonic_now() - t); }

Skb run_program(int program, Skb in, unsigned repeat, std::uint32_t* ns) {
  __sk_buff before{}, after{};
  before.mark = in.mark;
  before.priority = in.priority;
  before.gso_size = in.gso_size;
  before.cb[0] = in.cb0;
  before.cb[1] = in.cb1;
  Skb out;
  out.frame.resize(in.frame.size() + 512);
  LIBBPF_OPTS(bpf_test_run_opts, run);
  run.data_in = in.frame.data();
  run.data_size_in = static_cast<__u32>(in.frame.size());
  run.data_out = out.frame.data();
  run.data_size_out = static_cast<__u32>(out.frame.size());
  run.ctx_in = &before;
  run.ctx_size_in = sizeof before;
  run.ctx_out = &after;
  run.ctx_size_out = sizeof after;
  run.repeat = static_cast<int>(repeat);
  check_neg("run a program on a packet", bpf_prog_test_run_opts(program, &run));
  out.frame.resize(run.data_size_out);
  out.mark = after.mark;
  out.priority = after.priority;
  out.gso_size = after.gso_size;
  out.cb0 = after.cb[0];
  out.cb1 = after.cb[1];
  out.verdict = static_cast<int>(run.retval);
  if (ns != nullptr) *ns = run.duration;
  return out;
}

int Programs::program(const std::string& name) const {
  const auto entrance = entrances_.find(name);
  return entrance == entrances_.end() ? selector().program(name) : entrance->second.get();
}

Skb Programs::select(const char* name, Skb in) const { return run_program(program(name), std::move(in)); }
Skb Programs::play(const char* program, Skb in) const { return run_program(player_->program(program), std::move(in)); }

Programs::Played Programs::becomes(const char* program, const Packet& packet, std::uint32_t gso_size) const {
  Frame frame = build(packet);
  set_stamp(frame, {.magic = FL_STAMP_MAGIC, .flags = 0, .slot = 1, .hold = 0, .due = 0});
  const fl_ledger before = ledger(1);
  play(program, {.frame = frame, .gso_size = gso_size});
  const fl_ledger after = ledger(1);
  return after.split_in != before.split_in ? Played::split
         : after.dropped != before.dropped ? Played::dropped
                                           : Played::on;
}

Skb Programs::select_beside(const char* program, Skb in, const Beside& beside, std::uint32_t* seen) {
  Stage stage;
  stage.set_next(this->program(program));
  stage.prepare(beside.tc_index, beside.vlan);
  if (seen == nullptr) return run_program(stage.program("prepare"), std::move(in));
  Skb out = run_program(stage.program("prepare"), in, 2);
  *seen = stage.seen();
  return out;
}

void Programs::set_slot(std::uint32_t n, std::uint64_t rules, std::uint16_t bank) {
  fl_slot slot{};
  slot.rules = rules;
  slot.bank = bank;
  slot.ifindex = 1;
  std::memcpy(slot.mac, kMacs, sizeof slot.mac);
  player_->update("slots", n, &slot);
}

fl_slot Programs::slot(std::uint32_t n) const {
  fl_slot slot{};
  check_neg("read a slot", bpf_map_lookup_elem(player_->map("slots"), &n, &slot));
  return slot;
}

fl_tally Programs::tally(std::uint32_t rule) const { return sum<fl_tally>(*player_, "tallies", rule); }
fl_histogram Programs::histogram(std::uint32_t fault, std::uint32_t which) const {
  return sum<fl_histogram>(*player_, "histograms", FL_HISTOGRAMS * fault + which);
}
fl_ledger Programs::ledger(std::uint32_t slot) const { return sum<fl_ledger>(*player_, "ledgers", slot); }
fl_site_tally Programs::site_tally() const { return sum<fl_site_tally>(*player_, "site_tallies", 0); }

fl_stamp stamp_of(const Frame& frame) {
  fl_stamp stamp{};
  if (frame.size() >= sizeof stamp) std::memcpy(&stamp, frame.data(), sizeof stamp);
  return stamp;
}

void set_stamp(Frame& frame, const fl_stamp& stamp) { std::memcpy(frame.data(), &stamp, sizeof stamp); }

faults::Channel steady(faults::Window window, Ns delay, Ns jitter, double loss) {
  faults::Channel channel;
  if (delay != 0) faults::add_step(channel.delay, window, static_cast<double>(delay));
  if (jitter != 0) faults::add_step(channel.jitter, window, static_cast<double>(jitter));
  if (loss != 0) faults::add_step(channel.loss, window, loss);
  return channel;
}

}  // namespace faultline::test
