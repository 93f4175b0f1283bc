// What a hurried team ships: a request that gets no answer is sent again, as a new order, since the old number "is
// taken"; after four the payment has "failed", though nobody knows. No breaker, no other channel.
#include <mutex>

#include "desk.h"

namespace demo::payment {
namespace {

class NaiveDesk : public Desk {
 public:
  explicit NaiveDesk(const std::vector<Way>& ways) {
    for (const auto& way : ways) {
      auto& peer = channels_[way.name] = std::make_unique<Peer>(way.url, milliseconds(2000));
      peer->warm(6);
    }
  }

  Screen pay(const std::string& purchase, const std::string& chosen) override {
    Peer& channel = *channels_.at(chosen);
    Screen screen{"FAILED", "", chosen, "payment failed, please pay again", 0};
    while (screen.attempts < 4) {
      screen.attempts++;
      screen.number = purchase + "-" + std::to_string(next(purchase));
      const Json asked{{"number", screen.number}, {"purchase", purchase}, {"amount", kPrice}};
      if (channel.post("/pay", asked, milliseconds(2000)).state() != "PAID") continue;
      screen.state = "PAID";
      screen.text = "paid by " + chosen;
      break;
    }
    return screen;
  }
  bool offered(const std::string&) override { return true; }
  int unknown() override { return 0; }

 private:
  int next(const std::string& purchase) {
    const std::lock_guard lock(mutex_);
    return ++numbers_[purchase];
  }
  std::map<std::string, std::unique_ptr<Peer>> channels_;
  std::mutex mutex_;
  std::map<std::string, int> numbers_;
};

}  // namespace

std::unique_ptr<Desk> naive_desk(const std::vector<Way>& ways) { return std::make_unique<NaiveDesk>(ways); }

}  // namespace demo::payment
