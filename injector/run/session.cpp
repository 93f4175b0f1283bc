// The beginning of a run: what it needs, found and made, in order; and its frame, which ends it whatever happens.
#include "injector/run/session.h"

#include <fmt/format.h>
#include <sys/utsname.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>

#include "faults/abi.h"
#include "injector/base/descriptors.h"
#include "injector/base/error.h"
#include "injector/base/secrets.h"
#include "injector/notify/notifier.h"
#include "injector/observe/contention/contention.h"
#include "injector/observe/events/event_watch.h"
#include "injector/observe/telemetry/telemetry.h"
#include "injector/observe/traffic/traffic_watch.h"
#include "injector/pen/load.h"
#include "injector/plan/rule_count.h"
#include "injector/plan/subjects.h"
#include "injector/record/events.h"
#include "injector/run/following.h"
#include "injector/run/lab_watch.h"
#include "injector/run/learning.h"
#include "injector/run/play.h"
#include "injector/run/preflight.h"
#include "injector/run/probes.h"
#include "injector/serve/serving.h"
#include "injector/site/find.h"

namespace faultline::run {
namespace events = record::events;
namespace {

constexpr const char* kHowToRaise =
    ": raise it, by `ulimit -Hn` as root, or LimitNOFILE= of the service that starts it";

/// The same in words of ours, where it is the limit of open files that was met.
std::string explained(const std::string& error) {
  const std::string met = std::generic_category().message(EMFILE);
  return error.find(met) == std::string::npos
             ? error
             : error + ". The hard limit of descriptors (open files) of this process is too low" + kHowToRaise;
}

bool needs_nursery(const plan::Plan& plan) {
  return plan.lab ||
         std::any_of(plan.probes.begin(), plan.probes.end(), [](const auto& p) { return p.kind->runs_program(); });
}

events::Machine this_machine(const plan::Plan& plan, const RunOptions& options, pen::Engine engine) {
  utsname name{};
  uname(&name);
  events::Machine machine;
  machine.version = FAULTLINE_VERSION;
  machine.kernel = name.release;
  machine.line = "tap";
  machine.host = name.nodename;
  machine.engine = engine == pen::Engine::tcx ? "tcx" : "clsact";
  machine.command = without_secrets(options.command);
  machine.repeat = without_secrets(options.repeat);
  machine.masked = machine.repeat != options.repeat;
  // As it was called: who is root, or may play by capabilities, needs no sudo, and may have none.
  if (!machine.repeat.empty() && std::getenv("SUDO_UID") != nullptr)
    machine.repeat.insert(machine.repeat.begin(), "sudo");
  if (!machine.repeat.empty()) machine.repeat.insert(machine.repeat.end(), {"--seed", std::to_string(plan.seed)});
  return machine;
}

/// What a run holds grows with its sites. Said before anything is attached.
void check_limits(const std::vector<site::Site>& sites) {
  if (sites.size() > FL_MAX_SITES)
    throw Failure(Exit::cannot_run, fmt::format("the targets are in {} network namespaces; a run takes {}",
                                                sites.size(), static_cast<int>(FL_MAX_SITES)));
  // Programs and tables, then for each site its devices' hooks and some of its own. Probes open theirs as they ask.
  std::uint64_t needed = 160;
  for (const auto& site : sites) needed += 4 + 2 * site.devices.size();
  if (descriptors_left() < needed)
    throw Failure(Exit::cannot_run,
                  fmt::format("this run needs about {} more descriptors (open files) for its {} sites, and the hard "
                              "limit of this process leaves {}{}",
                              needed, sites.size(), descriptors_left(), kHowToRaise));
}

/// What the kernel can give without pushing anything out; 0: not known.
std::uint64_t available_memory() {
  std::ifstream meminfo("/proc/meminfo");
  std::string word;
  std::uint64_t kilobytes = 0;
  while (meminfo >> word)
    if (word == "MemAvailable:" && meminfo >> kilobytes) break;
  return kilobytes * 1024;
}

void check_memory(const faults::Score& score, std::size_t faults) {
  const std::uint64_t needed = pen::memory_of_counters(score), available = available_memory();
  if (available == 0 || needed <= available / 2) return;
  throw Failure(
      Exit::cannot_run,
      fmt::format("the counters of {} faults ({} rules) would take {} MB of memory on this machine's CPUs; {} MB "
                  "are available, of which a run takes half at most: {}",
                  faults, score.rules.size(), needed >> 20, available >> 20, plan::kFewerRules));
}

void describe(record::Journal& journal, const plan::Plan& plan, const std::vector<site::Site>& sites) {
  for (const auto& site : sites) {
    events::SiteInfo info;
    info.name = site.name;
    info.inode = site.ns.inode();
    for (const auto& device : site.devices) info.devices.push_back(device.name);
    for (const auto& rule : site.rules)
      info.rules.push_back(rule.fault < plan.faults.size()
                               ? plan.faults[rule.fault].name
                               : "standing: " + plan.lab->links[rule.fault - plan.faults.size()].name);
    events::site(journal, info);
  }
}

}  // namespace

Session::Session(const plan::Plan& plan, const RunOptions& options, const std::filesystem::path& folder,
                 notify::Notifier* notifier)
    : plan_(plan), options_(options), folder_(folder) {
  // Children first: they are forked before there is any descriptor that could keep a fault alive.
  engine_ = choose_engine(options.engine, pen::probe_features());
  if (needs_nursery(plan)) nursery_ = nursery::Nursery::start();
  if (engine_ == pen::Engine::clsact) janitor_ = pen::Janitor::start();
  journal_ = std::make_unique<record::Journal>(folder);
  display_ = std::make_unique<screen::Display>(plan, options.screen, options.quiet);
  control_ = &observers_.add<Control>(plan, folder.string(), handlers());  // from here on it answers
  telling_ = std::make_unique<Telling>(stops_, *journal_, *display_, *control_);
  grounds_ = std::make_unique<Grounds>(plan, stops_, *journal_, *display_, *control_, *telling_);
  locks_ = std::make_unique<SiteLocks>(*control_);
  auto& learning = observers_.add<Learning>();
  observers_.add<Following>(learning, *locks_);
  observers_.add<LabWatch>();
  pen_watch_ = &observers_.add<PenWatch>();
  guards_ = &observers_.add<Guards>(
      plan, [this](const plan::Guard& guard, const record::GuardTrip& trip) { guard_acted(guard, trip); });
  observers_.add<observe::EventWatch>();
  observers_.add<observe::TrafficWatch>();
  observers_.add<observe::Contention>();
  observers_.add<observe::Telemetry>();
  observers_.add<serve::Serving>(plan, options.serve, folder);
  observers_.add<notify::Tap>(notifier);
  // More of them here: what has to be there for the first request, and until after the last.
  observers_.add<Probes>(plan);
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

/// On the thread that saw what made it act: a probe's, one that reads logs, the run's. The faults go off here and now;
/// the run's loop then does the rest.
void Session::guard_acted(const plan::Guard& guard, const record::GuardTrip& trip) {
  if (pen_) pen_->stop();
  events::guard(*journal_, guard, trip);
  stops_.ask({events::By::guard, fmt::format("{}: {}", guard.name, trip.observed)});
}

/// Every fault goes off, and no guard acts any more.
void Session::heal() {
  if (pen_) pen_->stop();
  observers_.healed();
}

void Session::prepare_and_play() {
  events::run(*journal_, plan_, this_machine(plan_, options_, engine_));
  events::plan(*journal_, plan_, [&](const plan::Fault& fault) { return site::links_of(plan_, fault); });
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
  take_apart();
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
    telling_->warn(idle);
  }
  if (plan_.lab) grounds_->build_lab(*nursery_, folder_ / "services");
  grounds_->find_sites();
  const observe::Scene found = scene();
  locks_->lock(found.sites, found.progress);
  observers_.prepare(found);
  build_pen();
}

observe::Scene Session::scene() {
  return {.plan = plan_,
          .journal = *journal_,
          .clock = clock_,
          .finder = grounds_->finder(),
          .sites = grounds_->sites(),
          .lab = grounds_->lab(),
          .view = grounds_->view(),
          .nursery = nursery_.get(),
          .progress = [this](const std::string& what) { telling_->advance(what); },
          .tell = [this](record::Remark remark) { telling_->remark(std::move(remark)); },
          .note = [this](const std::string& text) { display_->note(text); },
          .sample =
              [this](const probe::Sample& sample) {
                journal_->sample(plan_.probes[sample.probe].name, sample);
                display_->sample(sample);
                observers_.sample(sample);
              },
          .counted =
              [this](const events::Telemetry& counted) {
                events::telemetry(*journal_, counted);
                display_->counted(counted);
                observers_.counted(counted);
              },
          .counted_until = [this](Ns until) { observers_.counted_until(until); },
          .uncounted =
              [this](const events::Uncounted& missing) {
                events::uncounted(*journal_, missing);
                observers_.uncounted(missing);
              },
          .seen =
              [this](const events::Seen& seen) {
                events::seen(*journal_, seen);
                observers_.seen(seen);
              }};
}

void Session::build_pen() {
  auto& sites = grounds_->sites();
  composition_ = compose(plan_, sites);
  describe(*journal_, plan_, sites);
  if (sites.empty()) return;
  check_limits(sites);
  check_memory(composition_.score, plan_.faults.size());
  telling_->step("loading the faults into the kernel");
  pen::PenOptions options;
  options.engine = engine_;
  options.janitor = janitor_.get();
  options.alias = fmt::format("faultline run {:.100} (pid {})", plan_.name, getpid());
  pen_ = std::make_unique<pen::Pen>(std::move(sites), composition_.score, options,
                                    [this](const std::string& what) { telling_->advance(what); });
  observers_.attached(*pen_);
}

void Session::play() {
  // After a lapse faults are off until this thread has seen it, and probes wait for locks that it holds.
  realtime::Urgent urgent(realtime::Rank::helper);
  Play playing({plan_, options_, stops_, clock_, *journal_, *display_, *telling_, *control_, *guards_, *pen_watch_,
                observers_, pen_.get()});
  const auto stop = playing.play(urgent);
  if (stop) display_->stop_clock();
  heal();
  events::healed(*journal_, stop ? "abort" : "end");
  // Only now: a look at many sites takes a while, for which no fault may go on. Our programs are still where they were.
  pen_watch_->look_for_the_last_time();
  telling_->tell_due(true);
  if (!stop) return end();
  events::abort(*journal_, stop->by, stop->reason, monotonic_now() - clock_.epoch());
  display_->note("stopped: " + stop->reason);
  observers_.abort();
  observers_.end();
}

}  // namespace faultline::run
