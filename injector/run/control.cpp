#include "injector/run/control.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>

#include "injector/base/error.h"
#include "injector/base/message.h"
#include "injector/base/newcomers.h"
#include "injector/base/realtime.h"
#include "injector/base/thread_safety.h"
#include "injector/record/json_fields.h"
#include "injector/record/verdict.h"
#include "injector/run/lock.h"
#include "injector/run/protocol.h"

namespace faultline::run {
namespace {

using nlohmann::json;

constexpr std::size_t kMostClients = 64;
constexpr std::size_t kLongestNote = 2000, kLongestName = 64;  // bytes

struct Client {
  Fd socket;
  ucred credentials{};
  bool awaits_healing = false;
  bool gone = false;
};

/// The first is the run's own, the others are its locks, each on the namespace of a site.
struct Listener {
  Fd socket;
  std::string site;
  std::uint64_t ns = 0;
};

std::string cut(std::string text, std::size_t longest) {
  if (text.size() > longest) text.resize(longest);
  return text;
}

}  // namespace

struct Control::Impl {
  Impl(const plan::Plan& the_plan, Handlers the_handlers)
      : plan(the_plan), handlers(std::move(the_handlers)), phases(record::phases(the_plan)) {}

  void serve();
  void accept_from(int listener);
  void hear(Client& client);
  json answer(Client& client, const json& message, std::vector<Fd>& fds);
  EnterAnswer enter(const std::string& host, std::vector<Fd>& fds);
  AboutAnswer about();
  void tell_healed();
  void say(Client& client, const json& message, const std::vector<Fd>& fds = {}) const;

  const plan::Plan& plan;
  const Handlers handlers;
  const std::vector<record::Phase> phases;
  AboutAnswer fixed;            // what does not change, for about()
  Fd bell;                      // rung when something below has changed
  std::vector<Client> clients;  // the thread's own
  Newcomers newcomers;          // the thread's own

  Mutex mutex;
  std::vector<Listener> listeners FAULTLINE_GUARDED_BY(mutex);
  const lab::Lab* lab FAULTLINE_GUARDED_BY(mutex) = nullptr;
  std::string step FAULTLINE_GUARDED_BY(mutex) = "starting";
  std::string awaited FAULTLINE_GUARDED_BY(mutex);  ///< faults of the step that is to be confirmed
  std::optional<Ns> epoch FAULTLINE_GUARDED_BY(mutex);
  std::optional<Ns> healed_at FAULTLINE_GUARDED_BY(mutex);
  bool ending FAULTLINE_GUARDED_BY(mutex) = false;
  std::thread thread;
};

Control::Control(const plan::Plan& plan, const std::string& folder, Handlers handlers)
    : impl_(std::make_unique<Impl>(plan, std::move(handlers))) {
  namespace fs = std::filesystem;
  Impl& i = *impl_;
  i.fixed.version = FAULTLINE_VERSION;
  i.fixed.pid = getpid();
  i.fixed.name = plan.name;
  i.fixed.title = plan.title;
  i.fixed.plan = fs::absolute(plan.path).lexically_normal().string();
  i.fixed.folder = fs::absolute(folder).lexically_normal().string();
  i.fixed.duration_s = seconds(plan.duration);
  if (plan.lab)
    for (const auto& host : plan.lab->hosts) i.fixed.hosts.push_back(host.name);
  i.bell = Fd(static_cast<int>(check("make an eventfd", eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK))));
  i.listeners.push_back({bind_control(), {}});
  i.thread = std::thread([&i] { i.serve(); });
}

Control::~Control() {
  {
    const MutexLock lock(impl_->mutex);
    impl_->ending = true;
  }
  eventfd_write(impl_->bell.get(), 1);
  impl_->thread.join();
}

void Control::add_lock(Fd lock, const std::string& site, std::uint64_t ns) {
  {
    const MutexLock guard(impl_->mutex);
    impl_->listeners.push_back({std::move(lock), site, ns});
  }
  eventfd_write(impl_->bell.get(), 1);
}

void Control::drop_lock(std::uint64_t ns) {
  {
    const MutexLock guard(impl_->mutex);
    std::erase_if(impl_->listeners, [&](const Listener& l) { return l.ns == ns; });
  }
  eventfd_write(impl_->bell.get(), 1);  // whoever polls the socket holds it
}

void Control::drop_locks() {
  const MutexLock guard(impl_->mutex);
  impl_->listeners.resize(1);
}

void Control::set_lab(const lab::Lab* lab) {
  const MutexLock guard(impl_->mutex);
  impl_->lab = lab;
}

void Control::preparing(const std::string& step) {
  const MutexLock guard(impl_->mutex);
  impl_->step = step;
}

void Control::waiting(const std::string& faults) {
  const MutexLock guard(impl_->mutex);
  impl_->awaited = faults;
}

void Control::begin(Ns epoch) {
  const MutexLock guard(impl_->mutex);
  impl_->epoch = epoch;
}

void Control::healed() noexcept {
  {
    const MutexLock guard(impl_->mutex);
    if (!impl_->healed_at) impl_->healed_at = monotonic_now();
  }
  eventfd_write(impl_->bell.get(), 1);
}

void Control::Impl::serve() {
  realtime::Urgent urgent(realtime::Rank::helper);  // who wants to stop a run must not wait for a busy machine
  for (;;) {
    urgent.look();
    std::vector<pollfd> fds{{bell.get(), POLLIN, 0}};
    const Ns begin = monotonic_now();
    bool deaf = newcomers.is_deaf(begin);
    std::size_t listening = 0;
    {
      const MutexLock lock(mutex);
      // What becomes free from now on is for taking the run apart.
      deaf = deaf || (healed_at && newcomers.were_refused());
      for (const auto& listener : listeners)
        fds.push_back({listener.socket.get(), static_cast<short>(deaf ? 0 : POLLIN), 0});
      listening = listeners.size();
    }
    for (const auto& client : clients) fds.push_back({client.socket.get(), POLLIN, 0});
    // No signal comes here, and the descriptors are ours.
    const Ns wait = newcomers.deaf_until() - begin;
    if (::poll(fds.data(), fds.size(), wait > 0 ? static_cast<int>(wait / kMillisecond) + 1 : -1) < 0) continue;
    eventfd_t rung;
    eventfd_read(bell.get(), &rung);
    tell_healed();
    {
      const MutexLock lock(mutex);
      if (ending) return;
    }
    for (std::size_t c = 0; c < clients.size(); c++)
      if (fds[1 + listening + c].revents != 0) hear(clients[c]);
    std::erase_if(clients, [](const Client& client) { return client.gone; });
    for (std::size_t l = 0; l < listening; l++)
      if (fds[1 + l].revents != 0) accept_from(fds[1 + l].fd);
  }
}

void Control::Impl::accept_from(int listener) {
  Client client;
  {
    const MutexLock lock(mutex);  // a lock may just have been dropped, and its number be another's
    if (std::none_of(listeners.begin(), listeners.end(), [&](const Listener& l) { return l.socket.get() == listener; }))
      return;
    client.socket = newcomers.take(listener, monotonic_now());
  }
  if (!client.socket) return;
  const auto peer = peer_of(client.socket.get());
  if (!peer) return;  // not a connection, or closed already
  client.credentials = *peer;
  if (clients.size() >= kMostClients) clients.erase(clients.begin());  // whoever idles longest makes room
  clients.push_back(std::move(client));
}

void Control::Impl::hear(Client& client) {
  try {
    const auto message = receive_message(client.socket.get());
    if (!message) {
      client.gone = true;
      return;
    }
    std::vector<Fd> fds;
    json reply;
    try {
      reply = answer(client, json::parse(message->bytes), fds);
    } catch (const json::exception& e) {
      reply = record::to_json(Refused{std::string("not understood: ") + e.what()});
    } catch (const Failure& e) {
      reply = record::to_json(Refused{e.what(), static_cast<int>(e.status())});
    }
    say(client, reply, fds);
  } catch (const std::exception&) {  // it does not read, or sends something else than a message
    client.gone = true;
  }
}

void Control::Impl::say(Client& client, const json& message, const std::vector<Fd>& fds) const {
  std::vector<int> numbers;
  for (const auto& fd : fds) numbers.push_back(fd.get());
  send_message(client.socket.get(), message.dump(-1, ' ', false, json::error_handler_t::replace), numbers);
}

json Control::Impl::answer(Client& client, const json& message, std::vector<Fd>& fds) {
  const std::string verb = record::from_json<Verb>(message).verb;
  if (verb == AboutRequest::verb) return record::to_json(about());
  if (client.credentials.uid != 0 && client.credentials.uid != geteuid())
    throw Failure(Exit::cannot_run, "only root and the user who runs it may do that");
  if (verb == StopRequest::verb) {
    client.awaits_healing = true;
    handlers.stop(cut(record::from_json<StopRequest>(message).who, kLongestName));
    eventfd_write(bell.get(), 1);  // it may have healed before
    return record::to_json(StopAnswer());
  }
  if (verb == NoteRequest::verb) {
    const auto request = record::from_json<NoteRequest>(message);
    handlers.note(cut(request.text, kLongestNote), cut(request.who, kLongestName));
    NoteAnswer noted;
    const MutexLock lock(mutex);
    if (epoch) noted.t_s = seconds(monotonic_now() - *epoch);
    return record::to_json(noted);
  }
  if (verb == EnterRequest::verb) return record::to_json(enter(record::from_json<EnterRequest>(message).host, fds));
  throw Failure(Exit::invalid, "this version (" FAULTLINE_VERSION ") does not know how to do \"" + verb + "\"");
}

EnterAnswer Control::Impl::enter(const std::string& host, std::vector<Fd>& fds) {
  if (!plan.lab) throw Failure(Exit::cannot_run, "this run has no lab");
  const auto& hosts = plan.lab->hosts;
  if (std::none_of(hosts.begin(), hosts.end(), [&](const auto& h) { return h.name == host; }))
    throw Failure(Exit::cannot_run, "the lab has no host \"" + host + "\"");
  const MutexLock lock(mutex);
  if (lab == nullptr)
    throw Failure(Exit::cannot_run, epoch ? "the lab is being taken apart" : "the lab is not built yet");
  nursery::Entrance entrance = lab->entrance(host);
  auto& e = entrance.enclosure;
  for (Fd* fd : {&e.net, &e.mount, &e.uts, &e.ipc, &e.root, &entrance.pids}) fds.push_back(std::move(*fd));
  return {host, std::move(entrance.environment)};
}

AboutAnswer Control::Impl::about() {
  const MutexLock lock(mutex);
  AboutAnswer all = fixed;
  for (std::size_t i = 1; i < listeners.size(); i++) all.sites.push_back(listeners[i].site);
  all.state = healed_at ? State::ending : !awaited.empty() ? State::waiting : epoch ? State::running : State::preparing;
  if (!epoch || !awaited.empty()) all.step = epoch ? awaited : step;
  if (!epoch) return all;
  const Ns now = monotonic_now() - *epoch;
  all.t_s = seconds(now);
  all.left_s = seconds(std::max<Ns>(0, plan.duration - now));
  if (!healed_at)
    for (const auto& phase : phases)
      if (phase.start <= now && now < phase.end) all.phases.push_back(phase.name);
  return all;
}

void Control::Impl::tell_healed() {
  std::optional<Ns> at;
  {
    const MutexLock lock(mutex);
    at = healed_at;
  }
  if (!at) return;
  for (auto& client : clients) {
    if (!client.awaits_healing) continue;
    client.awaits_healing = false;
    try {
      say(client, record::to_json(Healed{true, *at}));
    } catch (const std::exception&) {
      client.gone = true;
    }
  }
}

}  // namespace faultline::run
