#include "mqtt.h"

#include <mosquitto.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace demo::home {
namespace {
constexpr int kKeepAlive = 5;  // seconds, the shortest that libmosquitto knows: a dead connection is noticed within 10
}

Return Return::of(bool naive) {
  if (naive) return {milliseconds(3000), milliseconds(0), milliseconds(0)};
  return {milliseconds(2000), milliseconds(3000), milliseconds(6000)};
}

Loop::Loop() : wake_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  static const int started = mosquitto_lib_init();
  if (started != MOSQ_ERR_SUCCESS || wake_ < 0) throw std::runtime_error("libmosquitto does not start");
}

void Loop::post(std::function<void()> what) {
  {
    const std::lock_guard lock(mutex_);
    posted_.push_back(std::move(what));
  }
  const std::uint64_t one = 1;
  if (write(wake_, &one, sizeof one) < 0) {  // full: it is awake
  }
}

void Loop::every(milliseconds period, std::function<void()> what) {
  timers_.push_back({period, std::move(what), clock::now()});
}

void Loop::run() {
  for (std::vector<pollfd> polled;;) {
    std::deque<std::function<void()>> posted;
    {
      const std::lock_guard lock(mutex_);
      posted.swap(posted_);
    }
    for (const auto& what : posted) what();
    const auto now = clock::now();
    for (auto& timer : timers_) {
      if (now < timer.due) continue;
      timer.due = std::max(timer.due + timer.period, now);
      timer.what();
    }
    polled.assign(1, {wake_, POLLIN, 0});
    for (Session* session : sessions_) {
      session->tick(now);
      const bool writes = mosquitto_want_write(session->session_);
      polled.push_back({mosquitto_socket(session->session_), static_cast<short>(POLLIN | (writes ? POLLOUT : 0)), 0});
    }
    poll(polled.data(), polled.size(), 50);
    std::uint64_t times = 0;
    if (polled[0].revents && read(wake_, &times, sizeof times) < 0) {  // somebody else was told already
    }
    for (std::size_t i = 0; i < sessions_.size(); i++)
      if (polled[i + 1].revents) sessions_[i]->serve(polled[i + 1].revents);
  }
}

Session::Session(Loop& loop, Setting setting, OnMessage on_message)
    : loop_(loop), setting_(std::move(setting)), on_message_(std::move(on_message)), pause_(setting_.back.first) {
  session_ = mosquitto_new(setting_.id.c_str(), !setting_.kept, this);
  if (session_ == nullptr) throw std::bad_alloc();
  mosquitto_int_option(session_, MOSQ_OPT_TCP_NODELAY, 1);
  mosquitto_connect_callback_set(session_, [](mosquitto*, void* self, int code) {
    if (code == 0) static_cast<Session*>(self)->greeted();
  });
  mosquitto_message_callback_set(session_, [](mosquitto*, void* self, const mosquitto_message* message) {
    const auto* text = static_cast<const char*>(message->payload);
    const Json body = Json::parse(text, text + message->payloadlen, nullptr, false);
    if (!body.is_object()) return;
    try {
      static_cast<Session*>(self)->on_message_(message->topic, body);
    } catch (const std::exception& failure) {  // through libmosquitto, which is C, nothing may be thrown
      say(std::string(message->topic) + ": " + failure.what());
    }
  });
  loop_.post([this] { loop_.sessions_.push_back(this); });
}

void Session::publish(const std::string& topic, const Json& message, int qos) {
  loop_.post([this, topic, text = message.dump(), qos] {
    if (qos == 0 && !connected()) return;
    mosquitto_publish(session_, nullptr, topic.c_str(), static_cast<int>(text.size()), text.data(), qos, false);
    look();
  });
}

void Session::renew() {
  if (!connected()) return;
  leaving_ = true;
  mosquitto_disconnect(session_);
  look();
}

void Session::greeted() {
  state_ = State::connected;
  pause_ = setting_.back.first;
  for (const auto& topic : setting_.topics) mosquitto_subscribe(session_, nullptr, topic.c_str(), 1);
}

void Session::tick(clock::time_point now) {
  if (state_ != State::connected && now >= next_) begin(now);
  if (state_ == State::away || now < misc_) return;
  misc_ = now + milliseconds(500);
  mosquitto_loop_misc(session_);
  look();
}

/// A try that came to nothing in time is given up by the next one.
void Session::begin(clock::time_point now) {
  state_ = State::connecting;
  std::uniform_real_distribution<double> times(0.5, 1.5);
  next_ =
      now + setting_.back.patience + milliseconds(std::lround(static_cast<double>(pause_.count()) * times(chance_)));
  pause_ = std::min(pause_ * 2, setting_.back.most);
  mosquitto_connect_bind_async(session_, setting_.broker.host.c_str(), setting_.broker.port, kKeepAlive,
                               setting_.from.empty() ? nullptr : setting_.from.c_str());
  look();
}

void Session::serve(short events) {
  int rc = MOSQ_ERR_SUCCESS;
  if (events & (POLLIN | POLLERR | POLLHUP)) rc = mosquitto_loop_read(session_, 10);
  if (rc == MOSQ_ERR_SUCCESS && events & POLLOUT) mosquitto_loop_write(session_, 10);
  look();
}

void Session::look() {
  if (state_ == State::away || mosquitto_socket(session_) >= 0) return;
  const bool was_connected = state_ == State::connected;
  state_ = State::away;
  // A try that was refused has its next one planned; a connection that is lost begins to wait now.
  if (!was_connected) return;
  std::uniform_real_distribution<double> times(0.5, 1.5);
  next_ = clock::now();
  if (!leaving_) next_ += milliseconds(std::lround(static_cast<double>(pause_.count()) * times(chance_)));
  leaving_ = false;
}

}  // namespace demo::home
