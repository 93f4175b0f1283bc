// The beginning of a run: what it needs, found and made, in order; and its frame, which ends it whatever happens.
#include "injector/run/session.h"

#include <fmt/format.h>
#include <sys/utsname.h>

#include <algorithm>
#include <thread>

#include "faults/abi.h"
#include "injector/base/descriptors.h"
#include "injector/base/error.h"
#include "injector/plan/subjects.h"
#include "injector/run/preflight.h"
#include "injector/site/control_path.h"

namespace faultline::run {
namespace events = record::events;
namespace {

constexpr Ns kTellEvery = kSecond / 2;
constexpr const char* kHowToRaise =
    ": raise it, by `ulimit -Hn` as root, or LimitNOFILE= of the service that starts it";

/// The same in words of ours, where it is the limit of open files that was met.
std::string explained(const std::string& error) {
  const std::string met = std::generic_category().message(EMFILE);
  return error.find(met) == std::string::npos
             ? error
             : error + "\nThe hard limit of descriptors (open files) of this process is too low" + kHowToRaise;
}

bool needs_nursery(const plan::Plan& plan) {
  return plan.lab || std::any_of(plan.probes.begin(), plan.probes.end(),
                                 [](const auto& p) { return p.kind == plan::Probe::Kind::exec; });
}

events::Machine this_machine(const plan::Plan& plan, const Options& options, pen::Engine engine) {
  utsname name{};
  uname(&name);
  events::Machine machine;
  machine.version = FAULTLINE_VERSION;
  machine.kernel = name.release;
  machine.host = name.nodename;
  machine.engine = engine == pen::Engine::tcx ? "tcx" : "clsact";
  for (const auto& word : options.command) machine.command.push_back(plan::without_secrets(word));
  for (const auto& word : options.repeat) {
    machine.repeat.push_back(plan::without_secrets(word));
    machine.masked |= machine.repeat.back() != word;
  }
  if (!machine.repeat.empty()) machine.repeat.insert(machine.repeat.end(), {"--seed", std::to_string(plan.seed)});
  return machine;
}

site::LabView view_of(const lab::Lab& lab) {
  site::LabView view;
  view.host_ns = [&](const std::string& host) { return lab.host_ns(host).duplicate(); };
  view.room_ns = [&](const std::string& room) { return lab.room_ns(room).duplicate(); };
  view.hosts_of = [&](const std::string& room) { return lab.hosts_of(room); };
  view.addresses = [&](const std::string& host) { return lab.addresses(host); };
  view.link_ends = [&](const std::string& link) {
    std::vector<std::pair<std::string, std::string>> ends;
    for (const auto& end : lab.link_ends(link)) ends.emplace_back(end.room, end.device);
    return ends;
  };
  return view;
}

}  // namespace

Session::Session(const plan::Plan& plan, const Options& options, const std::filesystem::path& folder)
    : plan_(plan),
      options_(options),
      folder_(folder),
      guards_(plan, [this](const plan::Guard& guard, const record::GuardTrip& trip) { guard_acted(guard, trip); }) {
  raise_descriptor_limit();
  // Children first: they are forked before there is any descriptor that could keep a fault alive.
  engine_ = choose_engine(options.engine, pen::probe_features());
  if (needs_nursery(plan)) nursery_ = nursery::Nursery::start();
  if (engine_ == pen::Engine::clsact) janitor_ = pen::Janitor::start();
  journal_ = std::make_unique<record::Journal>(folder);
  display_ = std::make_unique<screen::Display>(plan, options.screen, options.quiet);
  control_ = std::make_unique<Control>(plan, folder.string(), handlers());
  begun_.resize(plan.faults.size());
  ended_.resize(plan.faults.size());
}

Session::~Session() = default;

/// Other processes' wishes, on Control's thread: it starts after the journal and the display, and ends before them.
Handlers Session::handlers() {
  Handlers handlers;
  handlers.stop = [this](const std::string& who) {
    stops_.ask({events::By::user, fmt::format("`faultline stop` by {}", who)});
  };
  handlers.note = [this](const std::string& text, const std::string& who) {
    events::note(*journal_, text, who);
    display_->note(fmt::format("{}: {}", who, text));
  };
  return handlers;
}

/// On a probe's thread. The faults go off here and now; the run's loop then does the rest.
void Session::guard_acted(const plan::Guard& guard, const record::GuardTrip& trip) {
  if (pen_) pen_->stop();
  events::guard(*journal_, guard, trip);
  stops_.ask({events::By::guard, fmt::format("{}: {}", guard.name, trip.observed)});
}

/// Every fault goes off, and no guard acts any more.
void Session::heal() {
  if (pen_) pen_->stop();
  guards_.close();
  control_->healed();
}

/// A step of the preparation. Whoever asks us to end is heard here.
void Session::step(const std::string& what) {
  if (const auto stop = stops_.take()) throw Failure(Exit::aborted, stop->reason);
  next_told_ = monotonic_now() + kTellEvery;
  events::step(*journal_, what);
  control_->preparing(what);
  display_->step(what);
}

/// One of many steps: heard as soon, told now and then.
void Session::advance(const std::string& what) {
  if (monotonic_now() >= next_told_) return step(what);
  if (const auto stop = stops_.take()) throw Failure(Exit::aborted, stop->reason);
}

/// The same of taking apart, which nothing interrupts.
void Session::take_apart_step(const std::string& what) {
  if (monotonic_now() < next_told_) return;
  next_told_ = monotonic_now() + 2 * kTellEvery;
  control_->preparing(what);
  if (epoch_ == 0) return display_->step(what);
  display_->note(what);
  display_->tick();
}

void Session::prepare_and_play() {
  events::run(*journal_, plan_, this_machine(plan_, options_, engine_));
  events::plan(*journal_, plan_);
  try {
    prepare();
    play();
    settle();
  } catch (const Failure& failure) {
    heal();
    if (const auto& stop = stops_.taken(); failure.status() == Exit::aborted)
      events::abort(*journal_, stop ? stop->by : events::By::signal, stop ? stop->reason : failure.what());
    else
      events::failure(*journal_, failure.status(), explained(failure.what()));
  } catch (const std::system_error& e) {
    heal();
    const bool limit = e.code() == std::errc::too_many_files_open;
    events::failure(*journal_, limit ? Exit::cannot_run : Exit::failed, explained(e.what()));
  } catch (const std::exception& e) {
    heal();
    events::failure(*journal_, Exit::failed, e.what());
  }
  close_everything();
  display_->end();
  events::end(*journal_);
  journal_->flush();
}

void Session::prepare() {
  if (engine_ == pen::Engine::clsact) {
    const std::string weaker = fmt::format(
        "attached by clsact, {}: when this process is stopped (SIGSTOP), faults go on for up to 250 ms; when it is "
        "killed, until the kernel has closed its files; {}",
        options_.engine ? "as was asked" : "for want of TCX and kfuncs (kernel 6.6)", pen::kClsactEmptiesQueues);
    events::warning(*journal_, weaker);
    display_->step(weaker);
  }
  for (const auto& fault : plan_.faults) {
    if (!fault.idle) continue;
    const std::string idle = fmt::format("fault \"{}\" does nothing: all of its values are zero", fault.name);
    events::warning(*journal_, idle);
    display_->note(idle);
  }
  if (plan_.lab) start_lab();
  std::optional<site::LabView> view;
  if (lab_) view = view_of(*lab_);
  await_targets();
  std::vector<site::ResolvedName> names;
  const Progress progress = [this](const std::string& what) { advance(what); };
  next_told_ = monotonic_now() + kTellEvery;
  sites_ = site::resolve(plan_, view ? &*view : nullptr, finder_, &names, progress);
  for (const auto& name : names) {
    std::vector<std::string> addresses;
    for (const auto& address : name.addresses) addresses.push_back(address.address_text());
    events::name(*journal_, name.name, name.asked_from, addresses);
    display_->step(fmt::format("{} is {}, asked from {}", name.name, fmt::join(addresses, ", "), name.asked_from));
  }
  tell_exempt(site::exempt_control_path(sites_));
  lock_namespaces();
  make_probers();
  build_pen();
}

void Session::start_lab() {
  step("building the lab");
  lab_ = std::make_unique<lab::Lab>(*plan_.lab, *nursery_, plan_.directory, (folder_ / "services").string(),
                                    plan_.scale, [this](const std::string& what) { advance(what); });
  {
    // Services may take long to become ready: a signal does not wait for them.
    const std::jthread listener = stops_.listen([this] { lab_->cancel(); });
    lab_->start([this](const std::string& host, const std::string& event, const std::string& detail) {
      const std::string text = tell_service(host, event, detail);
      if (event != "started")
        display_->step("lab: " + text);  // with its command line: for the journal; people wait for "ready"
    });
  }
  if (const auto& stop = stops_.taken()) throw Failure(Exit::aborted, stop->reason);
  control_->set_lab(lab_.get());
}

/// Writes down what a service of the lab did, and returns it in words.
std::string Session::tell_service(const std::string& host, const std::string& event, const std::string& detail) {
  events::service(*journal_, host, event, detail);
  return detail.empty() ? fmt::format("{} {}", host, event) : fmt::format("{} {} ({})", host, event, detail);
}

/// Targets with `wait` may start late.
void Session::await_targets() {
  const Ns began = monotonic_now();
  for (const auto& target : plan_.targets) {
    for (bool told = false; target.wait > 0;) {
      try {
        finder_.find(target);
        break;
      } catch (const site::NotThere& failure) {
        if (monotonic_now() - began >= target.wait) break;  // resolving says it, with all else that is not there
        if (!std::exchange(told, true)) step(fmt::format("waiting for target {}: {}", target.name, failure.what()));
      } catch (const Failure&) {
        break;
      }
      if (const auto asked = stops_.await(100 * kMillisecond)) throw Failure(Exit::aborted, asked->reason);
    }
  }
}

Ns Session::since_t0(Ns instant) const {
  Ns t = instant - epoch_;
  for (const auto& [from, to] : waits_) t += instant >= to ? 0 : to - std::max(instant, from);
  return t;
}

std::optional<Stop> Session::follow_targets() {
  std::optional<Stop> stop;
  if (!follower_) return stop;
  for (const auto& news : follower_->take_news()) {
    auto gap = news.gap;
    if (gap) gap = {since_t0(gap->first), since_t0(gap->second)};
    events::target(*journal_, news.target, news.what, news.text, gap);
    tell({news.text, since_t0(monotonic_now())});
    if (news.aborts) stop = Stop{events::By::target, news.text};
  }
  return stop;
}

void Session::lock_namespaces() {
  for (const auto& site : sites_) {
    advance(fmt::format("locking {}", site.name));
    const auto ns = site.ns.inode();
    if (std::find(site_spaces_.begin(), site_spaces_.end(), ns) == site_spaces_.end())
      control_->add_lock(lock_namespace(site.ns, site.name), site.name, ns);
    site_spaces_.push_back(ns);
  }
}

/// A target came back in another network namespace. On the follower's thread.
void Session::move_site(std::size_t index, site::Site place) {
  const auto ns = place.ns.inode();
  const std::string name = place.name;
  Fd lock = lock_namespace(place.ns, name);
  std::vector<site::Site> places;
  places.push_back(std::move(place));
  const auto exempt = site::exempt_control_path(places);
  const NetNs space = places.front().ns.duplicate();
  std::optional<site::NameWatch::Ears> ears;
  if (names_) ears = names_->listen(index, space);  // first: what can fail does so before the site has moved
  pen_->move(index, std::move(places.front()));
  if (ears) names_->move(index, std::move(*ears));
  control_->add_lock(std::move(lock), name, ns);
  const auto before = std::exchange(site_spaces_.at(index), ns);
  if (std::find(site_spaces_.begin(), site_spaces_.end(), before) == site_spaces_.end()) control_->drop_lock(before);
  tell_exempt(exempt);
}

void Session::tell_exempt(const std::vector<std::string>& exempt) {
  for (const auto& text : exempt) {
    events::warning(*journal_, text);
    display_->note(text);
  }
}

/// What a run holds grows with its sites. Said before anything is attached.
void Session::check_limits() {
  if (sites_.size() > FL_MAX_SITES)
    throw Failure(Exit::cannot_run, fmt::format("the targets are in {} network namespaces; a run takes {}",
                                                sites_.size(), static_cast<int>(FL_MAX_SITES)));
  // Programs and tables, then for each site its devices' hooks and some of its own. Probes open theirs as they ask.
  std::uint64_t needed = 160;
  for (const auto& site : sites_) needed += 4 + 2 * site.devices.size();
  if (descriptors_left() < needed)
    throw Failure(Exit::cannot_run,
                  fmt::format("this run needs about {} more descriptors (open files) for its {} sites, and the hard "
                              "limit of this process leaves {}{}",
                              needed, sites_.size(), descriptors_left(), kHowToRaise));
}

void Session::build_pen() {
  composition_ = compose(plan_, sites_);
  for (const auto& site : sites_) {
    events::SiteInfo info;
    info.name = site.name;
    info.inode = site.ns.inode();
    for (const auto& device : site.devices) info.devices.push_back(device.name);
    for (const auto& rule : site.rules)
      info.rules.push_back(rule.fault < plan_.faults.size()
                               ? plan_.faults[rule.fault].name
                               : "standing: " + plan_.lab->links[rule.fault - plan_.faults.size()].name);
    events::site(*journal_, info);
  }
  pen::Options options;
  options.engine = engine_;
  options.janitor = janitor_.get();
  options.alias = fmt::format("faultline run {:.100} (pid {})", plan_.name, getpid());
  if (sites_.empty()) return;
  check_limits();
  step("building the pen");
  std::vector<std::string> places;
  for (const auto& site : sites_) places.push_back(site.name);
  try {
    names_ = std::make_unique<site::NameWatch>(
        sites_, [this, places](std::size_t site, const std::string& name, const IpPrefix& address) {
          if (pen_->learn(site, name, address)) events::learned(*journal_, name, places[site], address.address_text());
        });
  } catch (const std::system_error& e) {
    if (e.code() != std::errc::operation_not_permitted) throw;
    events::warning(*journal_,
                    "names of peers have the addresses that they had at the start: without CAP_NET_RAW none are "
                    "learned from DNS answers");
  }
  follower_ = std::make_unique<site::Follower>(
      plan_, finder_, sites_,
      site::Follower::Effects{[this](std::size_t site, const auto& rules) { pen_->set_cgroups(site, rules); },
                              [this](std::size_t site, site::Site place) { move_site(site, std::move(place)); }});
  pen_ = std::make_unique<pen::Pen>(std::move(sites_), composition_.score, options,
                                    [this](const std::string& what) { advance(what); });
  if (names_) names_->start();
  follower_->start();
}

void Session::make_probers() {
  for (std::size_t i = 0; i < plan_.probes.size(); i++) {
    const plan::Probe& probe = plan_.probes[i];
    advance(fmt::format("preparing probe {}", probe.name));
    probe::From from;
    if (lab_) from.names = lab_->names();
    const auto ns = place_of(probe, from);
    if (ns) from.net = &*ns;
    probers_.push_back(std::make_unique<probe::Prober>(probe, i, from, nursery_.get(), [this](probe::Sample&& sample) {
      journal_->sample(plan_.probes[sample.probe].name, sample);
      display_->sample(sample);
      guards_.sample(sample);
    }));
  }
}

/// The namespace that a probe asks from, and in `from` what there is of a lab host; none: our own.
std::optional<NetNs> Session::place_of(const plan::Probe& probe, probe::From& from) {
  if (probe.from == "here") return std::nullopt;
  const plan::Target* target = plan_.find_target(probe.from);
  if (target == nullptr)
    throw Failure(Exit::invalid, fmt::format("probe \"{}\": from \"{}\" is no target", probe.name, probe.from));
  if (target->where == plan::Target::Where::host) {
    from.enclosure = target->subject;
    const auto host = std::find_if(plan_.lab->hosts.begin(), plan_.lab->hosts.end(),
                                   [&](const auto& h) { return h.name == target->subject; });
    if (host != plan_.lab->hosts.end() && host->clients > 1)
      for (const auto& address : lab_->addresses(host->name)) from.clients.push_back(address.address_text());
    return lab_->host_ns(target->subject).duplicate();
  }
  if (!plan::comes_and_goes(target->where))
    throw Failure(
        Exit::invalid,
        fmt::format("probe \"{}\": from \"{}\" has no one namespace to ask from; name a lab host or a netns target",
                    probe.name, probe.from));
  const auto spots = finder_.find(*target);
  if (spots.size() != 1)
    throw Failure(
        Exit::cannot_run,
        fmt::format("probe \"{}\": target \"{}\" is in {} network namespaces; say which by a target with netns",
                    probe.name, probe.from, spots.size()));
  return spots.front().ns.duplicate();
}

}  // namespace faultline::run
