// The redis probe: one command over a connection, and its reply. hiredis writes the one and reads the other; the
// connection is ours, so that its times and errors are those of the other probes.
#include <hiredis/hiredis.h>

#include <vector>

#include "injector/base/error.h"
#include "injector/probe/address.h"
#include "injector/probe/exchange.h"
#include "injector/probe/kinds.h"
#include "injector/probe/shared_keys.h"
#include "injector/probe/value.h"

namespace faultline::probe {
namespace {

std::string in_its_protocol(const std::vector<std::string>& command) {
  std::vector<const char*> words;
  std::vector<std::size_t> lengths;
  for (const auto& word : command) words.push_back(word.data()), lengths.push_back(word.size());
  char* text = nullptr;
  const int length = redisFormatCommandArgv(&text, static_cast<int>(words.size()), words.data(), lengths.data());
  if (length < 0) throw std::bad_alloc();
  std::string out(text, static_cast<std::size_t>(length));
  redisFreeCommand(text);
  return out;
}

/// What a reply says: of an array nothing.
std::string text_of(const redisReply& reply) {
  switch (reply.type) {
    case REDIS_REPLY_STRING:
    case REDIS_REPLY_STATUS:
      return {reply.str, static_cast<std::size_t>(reply.len)};
    case REDIS_REPLY_INTEGER:
      return std::to_string(reply.integer);
    default:
      return {};
  }
}

class RedisReply : public Reply {
 public:
  RedisReply(const std::string& expected, const std::string& place)
      : expected_(expected), place_(place), reader_(redisReaderCreate(), redisReaderFree) {
    if (!reader_) throw std::bad_alloc();
  }
  std::optional<std::string> take(std::string_view bytes) override {
    void* found = nullptr;
    if ((taken_ += bytes.size()) > kMostBytes) return "too large";
    if (redisReaderFeed(reader_.get(), bytes.data(), bytes.size()) != REDIS_OK ||
        redisReaderGetReply(reader_.get(), &found) != REDIS_OK)
      return "protocol";
    if (found == nullptr) return std::nullopt;
    const std::unique_ptr<redisReply, decltype(&freeReplyObject)> reply(static_cast<redisReply*>(found),
                                                                        freeReplyObject);
    if (reply->type == REDIS_REPLY_ERROR) {  // "LOADING Redis is loading the dataset in memory"
      const std::string_view text(reply->str, static_cast<std::size_t>(reply->len));
      return "error " + std::string(text.substr(0, text.find(' ')));
    }
    const std::string text = text_of(*reply);
    if (!text.starts_with(expected_)) return "reply";
    if (!place_.empty()) value_ = value_in(text, place_);
    return place_.empty() || value_ ? "" : "value";
  }
  std::optional<double> value() const override { return value_; }

 private:
  static constexpr std::size_t kMostBytes = 64 << 20;  // of a reply: it is kept until it is whole
  std::size_t taken_ = 0;
  std::string_view expected_;
  const std::string& place_;
  std::optional<double> value_;
  std::unique_ptr<redisReader, decltype(&redisReaderFree)> reader_;
};

std::unique_ptr<Asker> make_redis(const Setting& setting) {
  const Params& params = setting.probe.params;
  return make_exchange(setting, {in_its_protocol(params.command("command")),
                                 [expected = params.text("expect.reply"), place = params.text("value")] {
                                   return std::make_unique<RedisReply>(expected, place);
                                 },
                                 params.boolean("reuse")});
}

}  // namespace

Kind kinds::redis() {
  return {.subject = {.name = "redis",
                      .type = ValueType::text,
                      .doc = "The host and the port of the server.",
                      .example = "\"10.0.1.10:6379\"",
                      .read = read_host_and_port,
                      .hint = "write redis = \"10.0.1.10:6379\" or \"[fd00::1]:6379\""},
          .keys = {{.name = "command",
                    .type = ValueType::command,
                    .doc = "The command that is sent, and its arguments.",
                    .example = "[\"GET\", \"stock\"]",
                    .fallback = Command{"PING"}},
                   reuse_key(),
                   {.name = "expect.reply",
                    .type = ValueType::text,
                    .doc = "The reply begins with it.",
                    .example = "\"PONG\"",
                    .otherwise = "any but an error"},
                   value_key()},
          .request = "a connection (`reuse = true` keeps connections); then `command`",
          .option = "Ping this Redis meanwhile",
          .value = "HOST:PORT",
          .make = make_redis,
          .errors = {{"reply"}, {"protocol"}, {"too large"}, {"error WRONGTYPE", true}, {"value"}}};
}

}  // namespace faultline::probe
