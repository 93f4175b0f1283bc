#include "injector/pen/pen.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <sys/random.h>
#include <time.h>

#include <map>

#include "faults/abi.h"
#include "injector/base/error.h"
#include "injector/base/ethtool.h"
#include "injector/base/realtime.h"
#include "injector/base/tap.h"
#include "injector/base/thread_safety.h"
#include "injector/pen/counts.h"
#include "injector/pen/departures.h"
#include "injector/pen/load.h"
#include "injector/pen/seat.h"
#include "injector/pen/selectors.h"
#include "injector/pen/wires.h"

namespace faultline::pen {
namespace {

/// How often sites can move. Each time costs some hundred bytes of kernel memory, of which all is set aside at the
/// start.
constexpr std::uint32_t kSpareSeats = 256;
constexpr Ns kUnseenAtMost = 5 * kSecond;  // that a site's devices could not be looked at: a run goes on without it
constexpr unsigned kTapMtu = 65521;        // the largest a TAP takes

std::uint16_t random_mark() {
  std::uint16_t mark = 0;
  while (mark < 0x100) check("draw a random number", getrandom(&mark, sizeof mark, 0));
  return mark;
}

}  // namespace

struct Pen::Impl {
  const faults::Score score;
  const PenOptions options;
  const NetNs ns = NetNs::create();
  const Surroundings around{ns, score, options.engine, options.janitor, options.alias};
  std::string tap_name;
  std::unique_ptr<BpfObject> player;
  std::unique_ptr<Selectors> selectors;
  std::vector<Attachment> inside;
  Mapped<fl_control> control;
  Mapped<fl_flight> flights;
  std::unique_ptr<line::Line> line;

  mutable Mutex mutex;  // guards what says so, and with it the janitor: sites move while the run goes on
  std::vector<std::unique_ptr<Seat>> seats FAULTLINE_GUARDED_BY(mutex);  // by site
  std::vector<SeatOfSite> taken FAULTLINE_GUARDED_BY(mutex);             // by seat
  std::vector<std::string> names FAULTLINE_GUARDED_BY(mutex);            // by site
  std::vector<std::string> news FAULTLINE_GUARDED_BY(mutex);             // for the next poll()
  std::vector<Escape> escapes_of_moved FAULTLINE_GUARDED_BY(mutex);      // of seats given up, for the next inspect()
  std::size_t turn FAULTLINE_GUARDED_BY(mutex) = 0;                      // of inspect()
  bool looked_in_vain FAULTLINE_GUARDED_BY(mutex) = false;               // and said so
  std::map<std::uint32_t, Ns> unseen_since FAULTLINE_GUARDED_BY(mutex);  // by seat: whose devices poll() cannot look at
  std::unique_ptr<Departures> departures;                                // last: its thread uses what is above

  Impl(const faults::Score& sc, const PenOptions& o) : score(sc), options(o) {}

  void keep_order(const std::string& device) FAULTLINE_REQUIRES(mutex) {
    if (auto remark = pen::keep_order(device); !remark.empty()) news.push_back(std::move(remark));
  }

  void build_devices(Fd& tap) FAULTLINE_REQUIRES(mutex) {
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

  /// A seat at the next number. It is taken, and the number used up, once packets may come by it.
  std::unique_ptr<Seat> make_seat(std::uint32_t site, site::Site place) FAULTLINE_REQUIRES(mutex) {
    if (taken.size() == score.sites.size() + kSpareSeats)
      throw Failure(
          Exit::cannot_run,
          fmt::format("targets have moved {} times; no more are followed into another network namespace", kSpareSeats));
    auto seat = std::make_unique<Seat>(around, static_cast<std::uint32_t>(taken.size()), site, std::move(place));
    seat->build();
    return seat;
  }

  void load_programs(const Progress& progress) FAULTLINE_REQUIRES(mutex) {
    fl_player_config config{};
    std::vector<std::uint32_t> far;
    {
      Inside in(ns);
      config.tap = static_cast<__u32>(index_of(tap_name));
      config.splitter = static_cast<__u32>(index_of("split_in"));
    }
    config.banked_from = score.banked_from();
    config.sizes = score.asks_sizes();
    config.follows = score.follows_connections();
    config.losses = score.notes_losses;
    for (const auto& seat : seats) far.push_back(static_cast<std::uint32_t>(seat->far()));
    player = load_player(options.engine, score, config, far, kSpareSeats);
    std::vector<Seating> seatings;
    for (const auto& seat : seats) {
      progress(fmt::format("looking at the tunnels of {}", seat->name()));
      seatings.push_back(seat->seating());
    }
    selectors = std::make_unique<Selectors>(options.engine, score, seatings, random_mark(),
                                            static_cast<std::uint32_t>(seats.size()) + kSpareSeats, *player, progress);
    for (const auto& seat : seats) seat->sit(*selectors);
  }

  void attach_pen() {
    const auto attach = [&](const char* program, const std::string& device) {
      if (auto made = attach_to_own(options.engine, player->program(program), index_of(device), device, ns))
        inside.push_back(std::move(*made));
    };
    Inside in(ns);
    attach("from_line", tap_name);
    attach("play_split", "split_out");
  }

  void hear(std::uint32_t number, const DeviceEvents::News& heard) {
    const MutexLock lock(mutex);
    for (const auto& seat : seats) {
      if (seat->number() != number) continue;
      seat->hear(heard, now());
      if (!seat->expects_device()) continue;
      try {
        look(*seat);
      } catch (const std::exception&) {  // poll() tries again, and tells
      }
    }
  }

  void look(Seat& seat) FAULTLINE_REQUIRES(mutex) {
    for (auto& one : seat.look([this] { return now(); })) news.push_back(std::move(one));
  }

  Moment now() {
    const Ns instant = monotonic_now();
    // In this order: the epoch is moved before the hold is let go (run_time() in faults/bpf/common.bpf.h).
    const Ns held_at = static_cast<Ns>(__atomic_load_n(&control[0].hold_at, __ATOMIC_ACQUIRE));
    const Ns epoch = static_cast<Ns>(__atomic_load_n(&control[0].epoch, __ATOMIC_ACQUIRE));
    if (epoch == 0) return {instant};
    return {instant, held_at == 0 ? instant - epoch : std::min(instant - epoch, held_at)};
  }

  /// For each link the kernel waits until all CPUs have moved on, for one after the other, whoever asks
  /// (docs/limits.md). On a busy machine this thread would then wait several times as long for a CPU of its own.
  void leave_devices(const Progress& progress, const Seat::Attempt& attempt) FAULTLINE_UNCHECKED_THREADS {
    realtime::Urgent urgent(realtime::Rank::helper);
    for (std::size_t i = 0; i < seats.size(); i++) {
      progress(fmt::format("detaching from {} ({}/{})", seats[i]->name(), i + 1, seats.size()));
      seats[i]->leave_devices(attempt);
      urgent.look();
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
    const auto there = static_cast<Ns>(answer.now);
    // Between the two, however long a busy machine took from one to the other.
    if (there >= before - 10 * kMillisecond && there <= after + 10 * kMillisecond) return 0;
    return there - (before + after) / 2;
  }
};

Pen::Pen(std::vector<site::Site> sites, const faults::Score& score, const PenOptions& options, const Progress& progress)
    : impl_(std::make_unique<Impl>(score, options)) {
  try {
    build(std::move(sites), progress);
  } catch (...) {
    close();
    throw;
  }
}

/// Nobody else knows of the pen before the last line, which starts a thread.
void Pen::build(std::vector<site::Site> sites, const Progress& progress) FAULTLINE_UNCHECKED_THREADS {
  Impl& impl = *impl_;
  Fd tap;
  impl.build_devices(tap);
  std::vector<std::string>& names = impl.names;
  for (std::uint32_t i = 0; i < sites.size(); i++) {
    names.push_back(sites[i].name);
    progress(fmt::format("making devices for {} ({}/{})", names[i], i + 1, sites.size()));
    impl.seats.push_back(impl.make_seat(i, std::move(sites[i])));
    impl.taken.push_back({i});
  }
  progress("loading the programs");
  impl.load_programs(progress);
  impl.control = Mapped<fl_control>(impl.player->map("control"), 1);
  impl.flights = Mapped<fl_flight>(impl.player->map("flights"), static_cast<std::uint32_t>(sites.size()) + kSpareSeats);
  if (impl.clock_offset() != 0)
    throw Failure(Exit::cannot_run,
                  "this process lives in a time namespace whose monotonic clock differs from the kernel's; run "
                  "faultline outside it");
  impl.control[0].lease = FL_LEASE_NS;
  impl.control[0].beat = static_cast<__u64>(monotonic_now());
  set_owner(impl.options.engine, *impl.player);
  impl.line = std::make_unique<line::Line>(std::move(tap), impl.control.get(), impl.options.line);
  impl.line->start();
  impl.attach_pen();
  impl.departures = std::make_unique<Departures>(
      [&impl](std::uint32_t seat, const DeviceEvents::News& news) { impl.hear(seat, news); });
  for (std::size_t i = 0; i < impl.seats.size(); i++) {
    progress(fmt::format("attaching to {} ({}/{})", names[i], i + 1, names.size()));
    impl.seats[i]->attach_to_pen(*impl.player);
    impl.departures->listen(impl.seats[i]->number(), impl.seats[i]->ns());  // first: nothing is missed in between
    impl.seats[i]->attach_to_devices(impl.now());
  }
  impl.departures->start();
}

Pen::~Pen() {
  if (impl_) close();
}

void Pen::hold_at(Ns t) { __atomic_store_n(&impl_->control[0].hold_at, static_cast<__u64>(t), __ATOMIC_RELEASE); }

void Pen::arm(Ns epoch) { __atomic_store_n(&impl_->control[0].epoch, static_cast<__u64>(epoch), __ATOMIC_RELEASE); }

void Pen::stop() { __atomic_store_n(&impl_->control[0].stop, 1u, __ATOMIC_RELEASE); }

std::vector<std::string> Pen::poll() {
  const MutexLock lock(impl_->mutex);
  const Ns now = monotonic_now();
  for (const auto& seat : impl_->seats) {
    try {
      impl_->look(*seat);
      impl_->unseen_since.erase(seat->number());
    } catch (const std::exception& e) {  // a descriptor is wanting, say: the next look sees what this one did not
      const auto [since, is_new] = impl_->unseen_since.try_emplace(seat->number(), now);
      if (is_new)
        impl_->news.push_back(fmt::format("{}: its devices cannot be looked at now: {}", seat->name(), e.what()));
      if (now - since->second > kUnseenAtMost) throw;
    }
  }
  return std::exchange(impl_->news, {});
}

std::vector<Escape> Pen::inspect(Look look) {
  constexpr std::size_t kTurns = 5;
  const MutexLock lock(impl_->mutex);
  std::vector<Escape> escapes = std::exchange(impl_->escapes_of_moved, {});
  const Moment now = impl_->now();
  const std::size_t turn = look == Look::in_turn ? impl_->turn++ % kTurns : 0;
  for (std::size_t i = turn; i < impl_->seats.size(); i += look == Look::in_turn ? kTurns : 1) {
    try {
      impl_->seats[i]->inspect(now, escapes);
    } catch (const std::exception& e) {  // the next look sees what this one did not
      if (!std::exchange(impl_->looked_in_vain, true))
        impl_->news.push_back(
            fmt::format("it cannot be checked whether Faultline's programs are attached and first: {}", e.what()));
    }
    if (look == Look::last) impl_->seats[i]->tell_open(escapes);
  }
  return escapes;
}

void Pen::set_cgroups(std::size_t site, const std::vector<site::Rule>& rules) {
  const MutexLock lock(impl_->mutex);
  impl_->selectors->set_cgroups(impl_->seats.at(site)->number(),
                                site::compile_cgroups(rules, impl_->score.sites.at(site).bits));
}

bool Pen::learn(std::size_t site, const std::string& name, const IpPrefix& address) {
  const MutexLock lock(impl_->mutex);
  return impl_->seats.at(site)->learn(name, address);
}

void Pen::move(std::size_t site, site::Site place) {
  Impl& impl = *impl_;
  std::unique_ptr<Seat> made;
  {
    const MutexLock lock(impl.mutex);
    made = impl.make_seat(static_cast<std::uint32_t>(site), std::move(place));
  }
  impl.selectors->take(made->seating());  // may take a while; nobody else takes seats
  made->sit(*impl.selectors);
  const MutexLock lock(impl.mutex);
  auto seat = std::move(made);                               // if this fails it is taken away under the lock
  impl.taken.push_back({static_cast<std::uint32_t>(site)});  // first: from here on packets may be counted there
  auto& own = impl.seats.at(site);
  try {
    const fl_site at = site_of(impl.score, impl.score.sites.at(site), static_cast<std::uint32_t>(seat->far()));
    impl.player->update("sites", seat->number(), &at);
    seat->learn_from(*own);
    seat->attach_to_pen(*impl.player);
    impl.departures->listen(seat->number(), seat->ns());
    seat->attach_to_devices(impl.now());
  } catch (...) {
    impl.departures->forget(seat->number());
    impl.taken[seat->number()].left = true;
    throw;
  }
  impl.departures->forget(own->number());
  impl.taken[own->number()].left = true;
  impl.unseen_since.erase(own->number());
  const Seat::Attempt attempt =
      [&](const std::string& what, const std::function<void()>& action)
          FAULTLINE_UNCHECKED_THREADS {  // with the lock held
            try {
              action();
            } catch (const std::exception& e) {
              impl.news.push_back(fmt::format("leaving a network namespace: {}: {}", what, e.what()));
            }
          };
  attempt("counting what went by the faults",
          [&]() FAULTLINE_UNCHECKED_THREADS { own->close_escapes(impl.now(), impl.escapes_of_moved); });
  own->leave_devices(attempt);
  own->leave_pen(attempt);
  own = std::move(seat);
}

void Pen::resume_line() { impl_->line->resume(); }
bool Pen::line_was_stopped() const { return impl_->line->was_stopped(); }
std::string Pen::line_failure() const { return impl_->line->failure(); }
std::vector<line::Lapse> Pen::take_lapses() { return impl_->line->take_lapses(); }
line::Stats Pen::line_stats() const { return impl_->line->stats(); }

std::vector<faults::Account> Pen::accounts(std::size_t faults) const {
  const MutexLock lock(impl_->mutex);
  std::uint64_t line_in = 0;
  for (std::size_t i = 0; i < impl_->taken.size(); i++)
    line_in += __atomic_load_n(&impl_->flights[i].line_in, __ATOMIC_RELAXED);
  const DeviceName device_name = [&](std::uint32_t number, int device)
                                     FAULTLINE_UNCHECKED_THREADS {  // with the lock held
                                       for (const auto& seat : impl_->seats)
                                         if (seat->number() == number) return seat->device_name(device);
                                       return std::string();
                                     };
  return account_of_faults(*impl_->player, impl_->score, faults, *impl_->line, line_in, impl_->taken, impl_->names,
                           device_name);
}

std::uint64_t Pen::packets_met(std::uint32_t fault) const {
  const MutexLock lock(impl_->mutex);
  return pen::packets_met(*impl_->player, impl_->score, fault);
}

Pen::Losses Pen::losses() const { return {impl_->player->map("losses"), impl_->player->map("loss_blocks")}; }

void Pen::drain() {
  // Nothing new comes in after stop(); what is under way needs a softirq or two, and the line one loop.
  const Ns deadline = monotonic_now() + kSecond;
  const timespec pause{0, 2 * kMillisecond};
  nanosleep(&pause, nullptr);
  while (impl_->line->stats().held != 0 && monotonic_now() < deadline) nanosleep(&pause, nullptr);
  nanosleep(&pause, nullptr);
}

/// By now nobody else asks anything of the pen; a thread of its own ends first of all.
std::vector<std::string> Pen::close(const Progress& progress) FAULTLINE_UNCHECKED_THREADS {
  std::vector<std::string> failures;
  if (!impl_) return failures;
  const Seat::Attempt attempt = [&](const std::string& what, const std::function<void()>& action) {
    try {
      action();
    } catch (const std::exception& e) {
      failures.push_back(what + ": " + e.what());
    }
  };
  if (impl_->control.get() != nullptr) stop();
  impl_->departures.reset();
  impl_->leave_devices(progress, attempt);
  if (impl_->line) attempt("stop the thread that holds packets", [&] { impl_->line->stop(); });
  for (auto& attachment : impl_->inside) attempt("detach", [&] { attachment.close(); });
  attempt("remove the veth pairs", [&]() FAULTLINE_UNCHECKED_THREADS {
    Inside in(impl_->ns);
    delete_group(kFarGroup);
    for (const auto& seat : impl_->seats) seat->pen_is_gone();
  });
  for (const auto& seat : impl_->seats) seat->leave_pen(attempt);
  impl_.reset();
  return failures;
}

}  // namespace faultline::pen
