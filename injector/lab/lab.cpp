#include "injector/lab/lab.h"

#include <fmt/format.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <deque>
#include <exception>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <thread>

#include "injector/base/error.h"
#include "injector/base/program.h"
#include "injector/base/secrets.h"
#include "injector/base/thread_safety.h"
#include "injector/lab/network.h"
#include "injector/lab/readiness.h"
#include "injector/lab/service_log.h"
#include "injector/lab/topology.h"

namespace faultline::lab {
namespace {

constexpr Ns kGrace = 2 * kSecond;  // between SIGTERM and SIGKILL, and after it

struct Service {
  plan::LabHost host;
  std::string log;
  nursery::Command command;
  pid_t pid = -1;  ///< -1: not started, or ended and known to be
  bool ready = false;
  bool started = false;
};

template <class Items>
std::size_t index_of(const Items& items, const std::string& kind, const std::string& name) {
  for (std::size_t i = 0; i < items.size(); ++i)
    if (items[i].name == name) return i;
  throw std::out_of_range("the lab has no " + kind + " \"" + name + "\"");
}

std::string log_of(const Service& service, ServiceLogs& logs) {
  logs.catch_up();
  return fmt::format("  command: {}\n  log: {}, its last lines:\n{}", command_without_secrets(service.command.argv),
                     service.log, log_tail(service.log));
}

/// What a readiness thread found out.
struct Outcome {
  std::size_t service;
  Ns took = 0;
  std::exception_ptr failure;
};

class Outcomes {
 public:
  void put(const Outcome& outcome) {
    const MutexLock lock(mutex_);
    all_.push_back(outcome);
    changed_.notify_one();
  }
  /// The first; none when there was none for so long.
  std::optional<Outcome> take(std::chrono::milliseconds patience) {
    const auto until = std::chrono::steady_clock::now() + patience;
    MutexLock lock(mutex_);
    while (all_.empty())
      if (changed_.wait_until(lock, until) == std::cv_status::timeout && all_.empty()) return {};
    Outcome first = all_.front();
    all_.pop_front();
    return first;
  }

 private:
  Mutex mutex_;
  Condition changed_;
  std::deque<Outcome> all_ FAULTLINE_GUARDED_BY(mutex_);
};

}  // namespace

struct Lab::Impl {
  Impl(const plan::Lab& lab, nursery::Nursery& the_nursery, const std::string& plan_dir, const std::string& log_dir,
       double scale, const Progress& progress);
  ~Impl() { stop(); }

  bool may_start(const Service& service) const;
  void launch(Service& service, const Listener& listener);
  void await_ready(std::size_t index, const std::atomic<bool>& given_up);
  std::vector<IpPrefix> addresses(std::size_t host) const;
  std::vector<std::string> stop() noexcept;

  nursery::Nursery& nursery;
  Topology topology;
  Network network;
  ServiceLogs logs;
  std::vector<Service> services;
  std::vector<std::string> enclosures;  ///< made and not yet dropped
  std::atomic<bool> cancelled{false};   ///< by cancel()
};

Lab::Impl::Impl(const plan::Lab& lab, nursery::Nursery& the_nursery, const std::string& plan_dir,
                const std::string& log_dir, double scale, const Progress& progress)
    : nursery(the_nursery), topology(lay_out(lab)), network(build_network(topology, progress)) {
  const std::string names = hosts_file(topology, network.v6);
  std::filesystem::create_directories(log_dir);
  const std::string logs = std::filesystem::absolute(log_dir);
  std::vector<std::string> visible{plan_dir, logs};
  if (const std::string programs = libexec_folder(); std::filesystem::is_directory(programs))
    visible.push_back(programs);
  try {
    for (std::size_t h = 0; h < lab.hosts.size(); ++h) {
      const plan::LabHost& host = lab.hosts[h];
      progress(fmt::format("making lab host {} ({}/{})", host.name, h + 1, lab.hosts.size()));
      nursery.make_enclosure(host.name, network.hosts[h], names, host.name, visible);
      enclosures.push_back(host.name);
      Service service;
      service.host = host;
      service.log = (std::filesystem::path(log_dir) / (host.name + ".log")).string();
      service.command.argv = host.command;
      service.command.user = host.user;
      service.command.enclosure = host.name;
      service.command.environment = host.environment;  // what the plan says about FAULTLINE_* holds
      service.command.environment.insert({"FAULTLINE_SCALE", fmt::format("{}", scale)});
      service.command.environment.insert({"FAULTLINE_HOST", host.name});
      service.command.environment.insert({"FAULTLINE_ADDRESS", topology.hosts[h].address.v4.address_text()});
      services.push_back(std::move(service));
    }
  } catch (...) {
    stop();
    throw;
  }
}

std::vector<IpPrefix> Lab::Impl::addresses(std::size_t host) const {
  std::vector<IpPrefix> all;
  const auto add = [&](const DualAddress& address) {
    all.push_back(address.v4.alone());
    if (network.v6) all.push_back(address.v6.alone());
  };
  add(topology.hosts[host].address);
  for (const auto& address : topology.hosts[host].more) add(address);
  return all;
}

bool Lab::Impl::may_start(const Service& service) const {
  return std::all_of(service.host.after.begin(), service.host.after.end(),
                     [&](const std::string& name) { return services[index_of(topology.hosts, "host", name)].ready; });
}

void Lab::Impl::launch(Service& service, const Listener& listener) {
  service.started = true;
  if (service.host.command.empty()) {
    service.ready = true;
    return;
  }
  const Fd log = logs.open(service.host.name, service.log);
  service.command.output = log.get();
  service.pid = nursery.spawn(service.command);
  service.command.output = -1;
  service.ready = !service.host.ready;
  if (listener) listener(service.host.name, "started", command_without_secrets(service.command.argv));
}

void Lab::Impl::await_ready(std::size_t index, const std::atomic<bool>& given_up) {
  Service& service = services[index];
  const plan::Ready& ready = *service.host.ready;
  std::map<std::string, std::vector<IpPrefix>> names;
  for (std::size_t h = 0; h < topology.hosts.size(); ++h) names[topology.hosts[h].name] = addresses(h);
  Readiness readiness(ready, network.hosts[index], addresses(index), names, nursery, service.command);
  const Ns deadline = monotonic_now() + ready.within;
  while (!given_up) {
    if (const auto ended = nursery.wait(service.pid, 0)) {
      service.pid = -1;
      const bool background = ended->status == 0;
      throw Failure(Exit::cannot_run,
                    fmt::format("lab host \"{}\": its command ended before it was ready ({}){}\n{}", service.host.name,
                                describe_status(ended->status),
                                background ? "; a service must stay in the foreground (nginx: -g 'daemon off;')" : "",
                                log_of(service, logs)));
    }
    if (readiness.ask()) return;
    if (monotonic_now() >= deadline)
      throw Failure(Exit::cannot_run,
                    fmt::format("lab host \"{}\" was not ready within {:g} s: asked whether {}; the last "
                                "answer was: {}\n{}",
                                service.host.name, static_cast<double>(ready.within) / kSecond, readiness.question(),
                                readiness.last_answer(), log_of(service, logs)));
    std::this_thread::sleep_for(std::chrono::nanoseconds(readiness.pause()));
  }
}

std::vector<std::string> Lab::Impl::stop() noexcept {
  std::vector<std::string> failures;
  const auto attempt = [&](const std::string& what, const auto& step) {
    try {
      step();
    } catch (const std::exception& e) {
      failures.push_back(what + ": " + e.what());
    }
  };
  for (auto& service : services)
    if (service.pid > 0) attempt("stop lab host " + service.host.name, [&] { nursery.kill(service.pid, SIGTERM); });
  const Ns term = monotonic_now() + kGrace;
  for (auto& service : services) {
    if (service.pid <= 0) continue;
    attempt("stop lab host " + service.host.name, [&] {
      bool ended = nursery.wait(service.pid, term).has_value();
      nursery.kill(service.pid, SIGKILL);  // to its children too, if it left some
      if (!ended) ended = nursery.wait(service.pid, monotonic_now() + kGrace).has_value();
      if (!ended) throw std::runtime_error("its command survived SIGKILL");
    });
    service.pid = -1;
  }
  for (const auto& name : enclosures) attempt("clear lab host " + name, [&] { nursery.drop_enclosure(name); });
  enclosures.clear();
  return failures;
}

Lab::Lab(const plan::Lab& lab, nursery::Nursery& nursery, const std::string& plan_dir, const std::string& log_dir,
         double scale, const Progress& progress)
    : impl_(std::make_unique<Impl>(lab, nursery, plan_dir, log_dir, scale, progress)) {}

Lab::~Lab() = default;

void Lab::start(const Listener& listener) {
  Impl& lab = *impl_;
  Outcomes outcomes;
  std::atomic<bool> given_up{false};
  // A thread for each service that is starting, so that a slow answer of one delays no other.
  struct Threads {
    std::vector<std::thread> all;
    std::atomic<bool>& given_up;
    ~Threads() {
      given_up = true;
      for (auto& thread : all) thread.join();
    }
  } threads{{}, given_up};

  std::size_t starting = 0;
  for (;;) {
    for (bool again = true; again;) {
      again = false;
      for (std::size_t i = 0; i < lab.services.size(); ++i) {
        Service& service = lab.services[i];
        if (service.started || !lab.may_start(service)) continue;
        lab.launch(service, listener);
        if (service.ready) {
          again = true;  // others may have waited for it
          continue;
        }
        ++starting;
        threads.all.emplace_back([&, i] {
          const Ns begin = monotonic_now();
          Outcome outcome{i, 0, nullptr};
          try {
            lab.await_ready(i, given_up);
          } catch (...) {
            outcome.failure = std::current_exception();
          }
          outcome.took = monotonic_now() - begin;
          outcomes.put(outcome);
        });
      }
    }
    if (starting == 0) break;
    // Looks at `cancelled` now and then: a signal handler cannot notify.
    std::optional<Outcome> found;
    while (!(found = outcomes.take(std::chrono::milliseconds(100))))
      if (lab.cancelled) throw Failure(Exit::aborted, "stopped while the services of the lab were starting");
    const Outcome& outcome = *found;
    --starting;
    if (outcome.failure) std::rethrow_exception(outcome.failure);
    Service& service = lab.services[outcome.service];
    service.ready = true;
    if (listener) listener(service.host.name, "ready", fmt::format("after {} ms", outcome.took / kMillisecond));
  }
  for (const auto& service : lab.services)
    if (!service.started)
      throw Failure(Exit::invalid, "lab host \"" + service.host.name + "\" waits for itself: see its `after`");
}

void Lab::cancel() noexcept { impl_->cancelled = true; }

void Lab::poll(const Listener& listener) {
  for (auto& service : impl_->services) {
    if (service.pid <= 0) continue;
    const auto ended = impl_->nursery.wait(service.pid, 0);
    if (!ended) continue;
    service.pid = -1;
    if (listener) listener(service.host.name, "ended", describe_status(ended->status));
  }
}

void Lab::listen(ServiceLogs::Heard heard) { impl_->logs.listen(std::move(heard)); }
void Lab::catch_up() { impl_->logs.catch_up(); }

std::vector<std::string> Lab::stop() { return impl_->stop(); }

nursery::Entrance Lab::entrance(const std::string& host) const {
  nursery::Entrance entrance = impl_->nursery.open_enclosure(host);
  entrance.environment = impl_->services[index_of(impl_->topology.hosts, "host", host)].command.environment;
  return entrance;
}

const NetNs& Lab::host_ns(const std::string& host) const {
  return impl_->network.hosts[index_of(impl_->topology.hosts, "host", host)];
}

const NetNs& Lab::room_ns(const std::string& room) const {
  return impl_->network.rooms[index_of(impl_->topology.rooms, "room", room)];
}

std::vector<std::string> Lab::hosts_of(const std::string& room) const {
  const std::size_t r = index_of(impl_->topology.rooms, "room", room);
  std::vector<std::string> hosts;
  for (const auto& host : impl_->topology.hosts)
    if (host.room == r) hosts.push_back(host.name);
  return hosts;
}

std::vector<LinkEnd> Lab::link_ends(const std::string& link) const {
  const LinkLayout& l = impl_->topology.links[index_of(impl_->topology.links, "link", link)];
  return {{impl_->topology.rooms[l.a].name, l.device_a}, {impl_->topology.rooms[l.b].name, l.device_b}};
}

std::vector<IpPrefix> Lab::addresses(const std::string& host) const {
  return impl_->addresses(index_of(impl_->topology.hosts, "host", host));
}

std::map<std::string, std::string> Lab::names() const {
  std::map<std::string, std::string> names;
  for (const auto& host : impl_->topology.hosts) names[host.name] = host.address.v4.address_text();
  return names;
}

}  // namespace faultline::lab
