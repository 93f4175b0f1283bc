// The tcp probe: connect; if asked to, send; if asked to, wait for a reply that begins as expected. A connection each.
#include "injector/probe/address.h"
#include "injector/probe/exchange.h"
#include "injector/probe/kinds.h"

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

std::unique_ptr<Asker> make_tcp(const Setting& setting) {
  const Params& params = setting.probe.params;
  Exchange exchange{params.text("send"), {}};
  if (std::string expected = params.text("expect.reply"); !expected.empty())
    exchange.reply = [expected = std::move(expected)] { return std::make_unique<Beginning>(expected); };
  return make_exchange(setting, std::move(exchange));
}

/// "10.0.0.1:80", "web:80", "[fd00::1]:80".
bool looks_like_tcp(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos || colon + 1 == text.size()) return false;
  if (text.find_first_not_of("0123456789", colon + 1) != std::string_view::npos) return false;
  return text.find(':') == colon || text.find("]:") != std::string_view::npos;
}

}  // namespace

Kind kinds::tcp() {
  return {.subject = {.name = "tcp",
                      .type = ValueType::text,
                      .doc = "The host and the port that it connects to.",
                      .example = "\"10.0.1.10:5432\"",
                      .read = read_host_and_port,
                      .hint = "write tcp = \"10.0.1.10:5432\" or \"[fd00::1]:5432\""},
          .keys = {{.name = "send",
                    .type = ValueType::text,
                    .doc = "Is sent after the connect.",
                    .example = "\"PING\\r\\n\"",
                    .otherwise = "nothing"},
                   {.name = "expect.reply",
                    .type = ValueType::text,
                    .doc = "The peer's bytes begin with it.",
                    .example = "\"+PONG\"",
                    .otherwise = "no reply is awaited"}},
          .request = "a connection; then `send`, if given",
          .option = "Connect to this meanwhile",
          .value = "HOST:PORT",
          .make = make_tcp,
          .meant = looks_like_tcp,
          .errors = {{"reply"}}};
}

}  // namespace faultline::probe
