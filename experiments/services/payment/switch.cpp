// switch --sites dc1=URL,dc2=URL --state FILE [--ledgers dc1=URL,dc2=URL] [--design careful|naive] [--port 8080]
//
// Stands before the two sites of a channel, and sends what it is asked to the one that is active: the first of the
// list.
//
// The careful one gives a site up when nothing there has answered for four seconds, or less than a quarter of ten
// seconds: a jitter that loses half is no reason. Before it sends anything to the other site it has told the ledger
// there to lead (pair.h), so the old one can take nothing any more. It changes over once; going back is for people to
// decide.
//
// The naive one asks the first site every half second whether it is well, believes each single answer, tells no ledger,
// and goes back as soon as the first site answers again.
#include <deque>
#include <thread>

#include "base/service.h"
#include "base/store.h"

namespace demo::payment {
namespace {

constexpr const char* kSchema =
    "CREATE TABLE IF NOT EXISTS active(one INTEGER PRIMARY KEY CHECK(one = 1), site INTEGER, epoch INTEGER)";
constexpr milliseconds kConnect{500}, kAnswer{1200}, kWindow{10'000}, kSilence{4000};
constexpr std::size_t kAtLeast = 10;  ///< outcomes, before they say anything

/// How the active site's answers were of late.
class Window {
 public:
  void note(bool answered) {
    const std::lock_guard lock(mutex_);
    outcomes_.push_back({clock::now(), answered});
  }
  /// Nothing answered for four seconds, or not a quarter of ten seconds: a jitter of eight seconds must not be enough.
  bool bad() {
    const std::lock_guard lock(mutex_);
    const auto now = clock::now();
    while (!outcomes_.empty() && outcomes_.front().at < now - kWindow) outcomes_.pop_front();
    std::size_t answered = 0, of_late = 0, answered_of_late = 0;
    for (const auto& outcome : outcomes_) {
      answered += outcome.answered;
      of_late += outcome.at > now - kSilence;
      answered_of_late += outcome.answered && outcome.at > now - kSilence;
    }
    return (of_late >= kAtLeast && answered_of_late == 0) ||
           (outcomes_.size() >= 2 * kAtLeast && answered * 4 < outcomes_.size());
  }

 private:
  struct Outcome {
    clock::time_point at;
    bool answered;
  };
  std::mutex mutex_;
  std::deque<Outcome> outcomes_;
};

struct Site {
  explicit Site(const Way& way) : name(way.name), peer(way.url, kConnect) { peer.warm(12); }
  const std::string name;
  Peer peer;
  std::unique_ptr<Peer> ledger = nullptr;
};

class Switch {
 public:
  explicit Switch(const Options& options) : naive_(options.naive()), store_(options.get("state"), kSchema) {
    for (const auto& way : options.ways("sites")) sites_.push_back(std::make_unique<Site>(way));
    if (options.has("ledgers"))
      for (const auto& way : options.ways("ledgers"))
        for (auto& site : sites_)
          if (site->name == way.name) site->ledger = std::make_unique<Peer>(way.url, kConnect);
    store_.run("INSERT OR IGNORE INTO active VALUES(1, 0, 1)");
    const auto row = store_.run("SELECT site, epoch FROM active").at(0);
    active_ = std::stoul(row[0]) % sites_.size();
    epoch_ = std::stoll(row[1]);
    in_background([this] { look_after(); });
  }

  /// The active site's answer. 503: certainly none of its doing, as it was never asked. 504: nobody knows.
  Json post(const std::string& path, const Json& body) {
    return ask([&](Peer& peer) { return peer.post(path, body, kAnswer); });
  }
  Json get(const std::string& path) {
    return ask([&](Peer& peer) { return peer.get(path, kAnswer); });
  }

  Json site() { return {{"site", sites_[active_]->name}, {"epoch", epoch_.load()}}; }

  /// For ever: looks whether the active site is well, all the way to its ledger.
  void look_after() {
    for (;; pause(milliseconds(500))) {
      if (naive_) {
        go_to(sites_[0]->peer.get("/balance", milliseconds(500)).ok() ? 0 : sites_.size() - 1);
        continue;
      }
      try {
        get("/balance");
      } catch (const Status&) {  // noted
      }
      if (window_.bad() && epoch_ == 1 && sites_.size() > 1) change_over();
    }
  }

  void routes(httplib::Server& server) {
    for (const char* path : {"/pay", "/close"})
      on_post(server, path, [this, path](const auto&, const Json& asked) { return post(path, asked); });
    for (const char* path : {"/trial", "/balance"})
      on_get(server, path, [this, path](const auto&, const Json&) { return get(path); });
    on_get(server, "/site", [this](const auto&, const Json&) { return site(); });
  }

 private:
  template <class Ask>
  Json ask(const Ask& with) {
    const std::size_t asked = active_;
    const Reply reply = with(sites_[asked]->peer);
    if (!naive_ && asked == active_) window_.note(reply.fate == Fate::answered && reply.status != 504);
    if (reply.fate == Fate::not_sent) throw Status{503, {{"state", "BUSY"}}};
    if (reply.fate == Fate::unknown) throw Status{504, {{"state", "UNKNOWN"}}};
    if (reply.status != 200) throw Status{reply.status, reply.body};
    return reply.body;
  }

  void change_over() {
    Peer* ledger = sites_[1]->ledger.get();
    if (ledger && !ledger->post("/lead", {{"epoch", epoch_ + 1}}, milliseconds(1000)).ok()) return;
    epoch_++;
    go_to(1);
  }

  void go_to(std::size_t site) {
    if (site == active_) return;
    store_.run("UPDATE active SET site = ?, epoch = ?", {static_cast<std::int64_t>(site), epoch_.load()});
    active_ = site;
    say("changes over to " + sites_[site]->name);
  }

  const bool naive_;
  Store store_;
  std::vector<std::unique_ptr<Site>> sites_;
  std::atomic<std::size_t> active_{0};
  std::atomic<std::int64_t> epoch_{1};
  Window window_;
};

}  // namespace
}  // namespace demo::payment

int main(int argc, char** argv) {
  return demo::serve_as<demo::payment::Switch>(argc, argv, {.options = {"sites", "state", "ledgers", "design"}});
}
