// What all programs of the home demo agree on: homes, devices, commands.
//
// A device is reached through a broker, below a prefix: its hub's ("lan"), or the cloud's ("home/h0"). There
//   PREFIX/command/DEVICE   {id, device, action, issued}: do this. `none` is a device that only answers
//   PREFIX/done             {id, device}: it is done
//   PREFIX/readings         {from, upto, batch}: readings, oldest first, to be kept
//   PREFIX/kept/FROM        {upto}: they are kept, up to this one
//   PREFIX/request          {id, device, action}: a home asks the cloud for a command, all the way through its database
#pragma once

#include <cmath>
#include <condition_variable>
#include <deque>
#include <map>
#include <optional>
#include <thread>

#include "base/service.h"
#include "base/store.h"

namespace demo::home {

inline constexpr const char* kHome =
    "home/h0";                              ///< the home that is looked at from inside, as the cloud's topics name it
inline constexpr const char* kLan = "lan";  ///< the same, as its hub's topics do
/// What a naive design waits: for ever, as far as a run is concerned.
inline constexpr milliseconds kForEver{3'600'000};

/// A command that is older is not what anybody still wants.
inline constexpr std::int64_t kStale = 10'000'000;  // us
inline bool stale(const Json& command) { return now_us() - command.at("issued").get<std::int64_t>() > kStale; }

/// Those that take readings, then a camera, then lamps.
inline std::vector<std::string> device_names(int count) {
  std::vector<std::string> names{"scale",         "tv-1",          "tv-2",          "thermometer-1", "thermometer-2",
                                 "thermometer-3", "thermometer-4", "thermometer-5", "camera"};
  for (int i = 1; static_cast<int>(names.size()) < count; i++) names.push_back("lamp-" + std::to_string(i));
  return names;
}
inline bool takes_readings(const std::string& device) { return !device.starts_with("lamp") && device != "camera"; }

/// Whether this home's commands go through its own hub: not without one, and not in the naive design, which has but the
/// cloud.
inline bool through_hub(const Options& options) {
  return options.choice("home", {"hub", "hubless"}) == "hub" && !options.naive();
}

/// Answers that threads wait for, each by the id of what was asked.
class Answers {
 public:
  /// Asks by `ask`, and waits for the answer.
  template <class Ask>
  std::optional<Json> of(const std::string& id, milliseconds patience, const Ask& ask) {
    std::unique_lock lock(mutex_);
    answers_[id];
    lock.unlock();
    ask();
    lock.lock();
    came_.wait_for(lock, patience, [&] { return answers_[id].has_value(); });
    auto answer = std::move(answers_[id]);
    answers_.erase(id);
    return answer;
  }
  /// False: nobody waits for it (any more).
  bool came(const std::string& id, const Json& answer) {
    const std::lock_guard lock(mutex_);
    const auto found = answers_.find(id);
    if (found == answers_.end()) return false;
    found->second = answer;
    came_.notify_all();
    return true;
  }

 private:
  std::mutex mutex_;
  std::condition_variable came_;
  std::map<std::string, std::optional<Json>> answers_;
};

/// Tells the witness what happened, in order, until it has heard.
class Teller {
 public:
  explicit Teller(const std::string& witness) : witness_(witness, milliseconds(1000)) {
    in_background([this] { run(); });
  }
  void tell(Json what) {
    what["at"] = now_us();
    const std::lock_guard lock(mutex_);
    untold_.push_back(std::move(what));
    more_.notify_one();
  }

 private:
  void run() {
    for (Json batch = Json::array();;) {
      if (batch.empty()) {
        std::unique_lock lock(mutex_);
        more_.wait(lock, [&] { return !untold_.empty(); });
        for (; !untold_.empty() && batch.size() < 100; untold_.pop_front()) batch.push_back(std::move(untold_.front()));
      }
      if (witness_.post("/tell", batch, milliseconds(3000)).ok())
        batch = Json::array();
      else
        pause(milliseconds(300));
    }
  }
  Peer witness_;
  std::mutex mutex_;
  std::condition_variable more_;
  std::deque<Json> untold_;
};

/// Which way commands go: by the cloud, or locally. It changes after some bad answers in a row, or some good ones, and
/// never twice within `hold`: a link that comes and goes does not take the home with it.
class Mode {
 public:
  struct Setting {
    int bad, good;
    std::chrono::seconds hold;
  };
  static constexpr Setting kCareful{3, 5, std::chrono::seconds(31)}, kNaive{1, 1, std::chrono::seconds(0)};
  explicit Mode(const Setting& setting) : setting_(setting) {}

  /// What came of a command that went all the way; true when that changed the mode.
  bool heard(bool well) {
    const std::lock_guard lock(mutex_);
    in_a_row_ = well == last_ ? in_a_row_ + 1 : 1;
    last_ = well;
    if (well != local_ || in_a_row_ < (well ? setting_.good : setting_.bad)) return false;
    if (changed_ && clock::now() - *changed_ < setting_.hold) return false;
    local_ = !local_;
    changed_ = clock::now();
    return true;
  }
  bool local() const {
    const std::lock_guard lock(mutex_);
    return local_;
  }

 private:
  const Setting setting_;
  mutable std::mutex mutex_;
  bool local_ = false, last_ = true;
  int in_a_row_ = 0;
  std::optional<clock::time_point> changed_;
};

}  // namespace demo::home
