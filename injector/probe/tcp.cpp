// The tcp probe: connect; if asked to, send; if asked to, wait for a reply that begins as expected. A connection each.
#include "injector/probe/exchange.h"

namespace faultline::probe {
namespace {

class Beginning : public Reply {
 public:
  explicit Beginning(const std::string& expected) : expected_(expected) {}
  std::optional<std::string> take(std::string_view bytes) override {
    const auto next = expected_.substr(matched_, bytes.size());
    if (!bytes.starts_with(next)) return "reply";
    matched_ += next.size();
    if (matched_ < expected_.size()) return std::nullopt;
    return "";
  }

  std::string end() const override { return matched_ == 0 ? "closed" : "reply"; }

 private:
  std::string_view expected_;
  std::size_t matched_ = 0;
};

}  // namespace

std::unique_ptr<Asker> make_tcp(const Setting& setting) {
  const auto& probe = setting.probe;
  Exchange exchange{probe.send, {}};
  if (!probe.expect_reply.empty())
    exchange.reply = [&probe] { return std::make_unique<Beginning>(probe.expect_reply); };
  return make_exchange(setting, std::move(exchange));
}

}  // namespace faultline::probe
