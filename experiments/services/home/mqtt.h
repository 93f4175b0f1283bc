// Sessions with an MQTT broker: any number of them on one thread, each of which comes back when its broker was gone.
//
// How it comes back is what tells a fleet that recovers from one that keeps its cloud down: further and further apart,
// and at random; or at once, again and again.
#pragma once

#include <atomic>
#include <random>

#include "parts.h"

struct mosquitto;

namespace demo::home {

/// How a session comes back.
struct Return {
  milliseconds patience;     ///< for a connection, and the broker's welcome
  milliseconds first, most;  ///< the pause before the next try, doubled each time, half to one and a half of it
  static Return of(bool naive);
};

class Session;

/// The thread on which sessions live. All that sessions call back is called there.
class Loop {
 public:
  Loop();
  /// From any thread: `what` is done on the loop's, soon.
  void post(std::function<void()> what);
  /// Does `what` again and again. Before run().
  void every(milliseconds period, std::function<void()> what);
  /// For ever.
  [[noreturn]] void run();
  /// The same, on a thread of its own.
  void start() {
    in_background([this] { run(); });
  }

 private:
  friend class Session;
  struct Timer {
    milliseconds period;
    std::function<void()> what;
    clock::time_point due;
  };
  int wake_ = -1;
  std::mutex mutex_;
  std::deque<std::function<void()>> posted_;
  std::vector<Timer> timers_;
  std::vector<Session*> sessions_;
};

class Session {
 public:
  struct Setting {
    Address broker;
    std::string id;
    std::vector<std::string> topics;  ///< subscribed to with QoS 1
    Return back;
    bool kept = false;  ///< the broker keeps what comes for us while we are away
    std::string from;   ///< the address that it connects from; empty: any
  };
  using OnMessage = std::function<void(const std::string& topic, const Json& message)>;

  /// Lives as long as the loop.
  Session(Loop& loop, Setting setting, OnMessage on_message);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// From any thread. With QoS 0 what cannot be sent now is forgotten; with QoS 1 it waits for the broker.
  void publish(const std::string& topic, const Json& message, int qos = 0);
  bool connected() const { return state_ == State::connected; }
  /// On the loop's thread: leaves, and comes again at once, as connections end in ordinary life.
  void renew();

 private:
  friend class Loop;
  enum class State { away, connecting, connected };
  void tick(clock::time_point now);
  void serve(short events);
  void begin(clock::time_point now);
  void look();  ///< whether the connection has ended
  void greeted();

  Loop& loop_;
  const Setting setting_;
  const OnMessage on_message_;
  mosquitto* session_ = nullptr;
  std::atomic<State> state_{State::away};
  bool leaving_ = false;
  clock::time_point next_{}, misc_{};
  milliseconds pause_;
  std::mt19937_64 chance_{std::random_device{}()};
};

}  // namespace demo::home
