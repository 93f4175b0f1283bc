#include "injector/pen/pen.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <net/if.h>
#include <sys/random.h>
#include <time.h>

#include <algorithm>
#include <set>

#include "faults/abi.h"
#include "injector/base/error.h"
#include "injector/base/ethtool.h"
#include "injector/base/flow_steering.h"
#include "injector/base/tap.h"
#include "injector/pen/counts.h"
#include "injector/pen/load.h"
#include "injector/site/devices.h"

namespace faultline::pen {
namespace {

constexpr unsigned kVethMtu = 65535;  // lo's frames are 65,536 + 14 bytes; a veth forwards MTU + 18
constexpr unsigned kTapMtu = 65521;   // the largest a TAP takes

int index_of(const std::string& device) {
  const unsigned index = if_nametoindex(device.c_str());
  if (index == 0) throw std::system_error(errno, std::generic_category(), "find device " + device);
  return static_cast<int>(index);
}

std::uint16_t random_guard() {
  std::uint16_t guard = 0;
  while (guard < 0x100) check("draw a random number", getrandom(&guard, sizeof guard, 0));
  return guard;
}

}  // namespace

struct Pen::Impl {
  struct Home {  // what belongs to one site
    std::string near, far;
    int near_index = 0;
    std::unique_ptr<BpfObject> selector;
    std::set<int> devices;
    std::set<int> reported;
  };

  std::vector<site::Site> sites;
  faults::Score score;
  Options options;
  NetNs ns = NetNs::create();
  std::string tap_name;
  std::unique_ptr<BpfObject> player;
  std::vector<Home> homes;
  std::vector<Attachment> selectors, inside;
  Mapped<fl_control> control;
  Mapped<fl_flight> flights;
  std::unique_ptr<line::Line> line;
  std::vector<std::string> news;  // for the next poll()

  Impl(std::vector<site::Site> s, const faults::Score& sc, const Options& o) : sites(std::move(s)), score(sc), options(o) {}

  void keep_order(const std::string& device) {
    try {
      keep_flows_together(device);
    } catch (const std::system_error& e) {
      news.push_back(std::string(e.what()) + ": packets of one flow that leave from several CPUs may overtake each other in the pen");
    }
  }

  void build_devices(Fd& tap) {
    {
      Inside in(ns);
      tap = open_tap("tap%d", &tap_name);
      set_quiet(tap_name);
      set_mtu(tap_name, kTapMtu);
      set_txqueuelen(tap_name, options.txqueuelen);
      set_up(tap_name);
      add_veth({"split_in", nullptr, kVethMtu, 1000, true}, {"split_out", nullptr, kVethMtu, 1000, true});
      set_quiet("split_in");
      set_quiet("split_out");
      set_offloads_off("split_in");
      keep_order("split_out");
      set_up("split_in");
      set_up("split_out");
    }
    homes.resize(sites.size());
    for (std::size_t i = 0; i < sites.size(); i++) {
      Home& home = homes[i];
      home.far = fmt::format("far{}", i);
      home.near = fmt::format("flpen{}", i);
      {
        Inside in(ns);
        add_veth({home.far, nullptr, kVethMtu, 1000, true}, {home.near, &sites[i].ns, kVethMtu, 1000, true});
        set_quiet(home.far);
        keep_order(home.far);
        set_up(home.far);
      }
      Inside in(sites[i].ns);
      set_quiet(home.near);
      set_alias(home.near, options.alias);
      set_up(home.near);
      home.near_index = index_of(home.near);
      for (const auto& device : sites[i].devices) home.devices.insert(device.index);
    }
  }

  void load_programs() {
    fl_player_config config{};
    std::vector<std::uint32_t> far;
    {
      Inside in(ns);
      config.tap = static_cast<__u32>(index_of(tap_name));
      config.splitter = static_cast<__u32>(index_of("split_in"));
      for (const auto& home : homes) far.push_back(static_cast<std::uint32_t>(index_of(home.far)));
    }
    player = load_player(options.engine, score, config, far);
  }

  void load_site(std::uint32_t i, std::uint16_t guard) {
    const auto& devices = sites[i].devices;
    const Place place{.site = i,
                      .near = static_cast<std::uint32_t>(homes[i].near_index),
                      .guard = guard,
                      .exempt_ports = sites[i].exempt_ports,
                      .bare = std::any_of(devices.begin(), devices.end(), site::is_bare),
                      .tunnels = sites[i].tunnels};
    homes[i].selector = load_selector(options.engine, sites[i].rules, score, place, *player, i == 0 ? nullptr : homes[0].selector.get());
  }

  Attachment attach(const BpfObject& object, const std::string& program, int ifindex, Hook hook, const std::string& device,
                    const NetNs& in, bool ours) {
    return Attachment::make(options.engine, object.program(program), ifindex, hook, device, in, options.janitor, ours);
  }

  void attach_pen() {
    Inside in(ns);
    inside.push_back(attach(*player, "from_line", index_of(tap_name), Hook::ingress, tap_name, ns, true));
    inside.push_back(attach(*player, "play_split", index_of("split_out"), Hook::ingress, "split_out", ns, true));
    for (const auto& home : homes)
      inside.push_back(attach(*player, "play_arrival", index_of(home.far), Hook::ingress, home.far, ns, true));
  }

  void attach_site(std::size_t i) {
    const Home& home = homes[i];
    const site::Site& site = sites[i];
    Inside in(site.ns);
    inside.push_back(attach(*home.selector, "give_back", home.near_index, Hook::ingress, home.near, site.ns, true));
    bool egress = false, ingress = false, loopback = false;
    for (const auto& rule : site.rules) {
      egress |= rule.match.egress;
      ingress |= rule.match.ingress;
      loopback |= rule.match.loopback;
    }
    for (const auto& device : site.devices) {
      const auto select = [&](int at, Hook hook) {
        selectors.push_back(attach(*home.selector, std::string("select_") + kHooks[at], device.index, hook, device.name, site.ns, false));
      };
      const bool lo = (device.flags & IFF_LOOPBACK) != 0, bare = site::is_bare(device);
      if (lo) {  // its egress hook serves both ways
        if (loopback) select(FL_AT_LO, Hook::egress);
        continue;
      }
      if (egress) select(bare ? FL_AT_BARE_OUT : FL_AT_OUT, Hook::egress);
      if (ingress) select(bare ? FL_AT_BARE_IN : FL_AT_IN, Hook::ingress);
    }
  }

  /// What eBPF's clock is ahead of ours: more than nothing only in a time namespace.
  Ns clock_offset() {
    struct {
      std::uint64_t now;
    } answer{};
    LIBBPF_OPTS(bpf_test_run_opts, run);
    run.ctx_in = &answer;  // and out: the kernel writes a syscall program's context back here, and refuses a ctx_out
    run.ctx_size_in = sizeof answer;
    const Ns before = monotonic_now();
    check_neg("read the kernel's clock", bpf_prog_test_run_opts(player->program("read_clock"), &run));
    const Ns after = monotonic_now();
    const Ns offset = static_cast<Ns>(answer.now) - (before + after) / 2;
    return offset > 10 * kMillisecond || offset < -10 * kMillisecond ? offset : 0;
  }
};

Pen::Pen(std::vector<site::Site> sites, const faults::Score& score, const Options& options, const Progress& progress)
    : impl_(std::make_unique<Impl>(std::move(sites), score, options)) {
  Impl& impl = *impl_;
  Fd tap;
  progress("building the pen");
  impl.build_devices(tap);
  impl.load_programs();
  const std::uint16_t guard = random_guard();
  impl.control = Mapped<fl_control>(impl.player->map("control"), 1);
  impl.flights = Mapped<fl_flight>(impl.player->map("flights"), static_cast<std::uint32_t>(impl.sites.size()));
  if (impl.clock_offset() != 0)
    throw Failure(Exit::cannot_run, "this process lives in a time namespace whose monotonic clock differs from the kernel's; run "
                                    "faultline outside it");
  impl.control[0].lease = FL_LEASE_NS;
  impl.control[0].beat = static_cast<__u64>(monotonic_now());
  set_owner(impl.options.engine, *impl.player);
  impl.line = std::make_unique<line::Line>(std::move(tap), impl.control.get(), impl.options.line);
  impl.line->start();
  for (std::uint32_t i = 0; i < impl.sites.size(); i++) impl.load_site(i, guard);
  impl.attach_pen();
  for (std::size_t i = 0; i < impl.sites.size(); i++) {
    progress(fmt::format("attaching to {} ({}/{})", impl.sites[i].name, i + 1, impl.sites.size()));
    impl.attach_site(i);
  }
  for (const auto& attachment : impl.selectors)
    if (auto remark = attachment.remark(); !remark.empty()) impl.news.push_back(std::move(remark));
}

Pen::~Pen() {
  if (impl_) close();
}

void Pen::hold_at(Ns t) { __atomic_store_n(&impl_->control[0].hold_at, static_cast<__u64>(t), __ATOMIC_RELEASE); }

void Pen::arm(Ns epoch) { __atomic_store_n(&impl_->control[0].epoch, static_cast<__u64>(epoch), __ATOMIC_RELEASE); }

void Pen::stop() { __atomic_store_n(&impl_->control[0].stop, 1u, __ATOMIC_RELEASE); }

std::vector<std::string> Pen::poll() {
  Impl& impl = *impl_;
  std::vector<std::string> news = std::exchange(impl.news, {});
  for (std::size_t i = 0; i < impl.homes.size(); i++) {
    auto& home = impl.homes[i];
    Inside in(impl.sites[i].ns);
    std::set<int> now;
    for (const auto& device : list_devices()) {
      now.insert(device.index);
      if (!site::is_l3(device) || device.index == home.near_index || home.devices.contains(device.index) || !home.reported.insert(device.index).second) continue;
      if (!impl.sites[i].every_device) continue;  // the plan names those it is about
      news.push_back(fmt::format("device {} appeared in {} after the start: its traffic is not faulted", device.name, impl.sites[i].name));
    }
    for (const auto& device : impl.sites[i].devices) {
      if (now.contains(device.index) || !home.reported.insert(-device.index).second) continue;
      news.push_back(fmt::format("device {} of {} vanished: what it carried is no longer faulted", device.name, impl.sites[i].name));
    }
  }
  return news;
}

void Pen::set_cgroups(std::size_t site, const std::vector<site::Rule>& rules) {
  pen::set_cgroups(*impl_->homes.at(site).selector, site::compile_cgroups(rules));
}

void Pen::resume_line() { impl_->line->resume(); }
bool Pen::line_was_stopped() const { return impl_->line->was_stopped(); }
std::string Pen::line_failure() const { return impl_->line->failure(); }
line::Stats Pen::line_stats() const { return impl_->line->stats(); }
const std::vector<site::Site>& Pen::sites() const { return impl_->sites; }

std::vector<FaultCount> Pen::counts(std::size_t faults) const {
  std::uint64_t line_in = 0;
  for (std::size_t i = 0; i < impl_->sites.size(); i++) line_in += __atomic_load_n(&impl_->flights[i].line_in, __ATOMIC_RELAXED);
  return count_faults(*impl_->player, impl_->score, faults, *impl_->line, line_in);
}

void Pen::drain() {
  // Nothing new comes in after stop(); what is under way needs a softirq or two, and the line one loop.
  const Ns deadline = monotonic_now() + kSecond;
  const timespec pause{0, 2 * kMillisecond};
  nanosleep(&pause, nullptr);
  while (impl_->line->stats().held != 0 && monotonic_now() < deadline) nanosleep(&pause, nullptr);
  nanosleep(&pause, nullptr);
}

std::vector<std::string> Pen::close() {
  std::vector<std::string> failures;
  if (!impl_) return failures;
  const auto attempt = [&](const std::string& what, const auto& action) {
    try {
      action();
    } catch (const std::exception& e) {
      failures.push_back(what + ": " + e.what());
    }
  };
  if (impl_->control.get() != nullptr) stop();
  for (auto& attachment : impl_->selectors) attempt("detach", [&] { attachment.close(); });
  if (impl_->line) attempt("stop the line", [&] { impl_->line->stop(); });
  for (auto& attachment : impl_->inside) attempt("detach", [&] { attachment.close(); });
  for (std::size_t i = 0; i < impl_->homes.size(); i++) {
    const auto& home = impl_->homes[i];
    if (home.near_index == 0) continue;
    attempt("remove " + home.near, [&] {
      Inside in(impl_->sites[i].ns);
      delete_device(home.near_index);
    });
  }
  impl_.reset();
  return failures;
}

}  // namespace faultline::pen
