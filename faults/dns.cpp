// dns: what a target's lookups meet: an error, silence, a delay, a wrong address. The query is answered in its
// resolver's place as it leaves the target; nothing else of the network is touched.
#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>

#include "faults/kind.h"
#include "faults/limits.h"

namespace faultline::faults {
namespace {

constexpr Ns kMaxTtl = 7 * 24 * 3600 * kSecond;

LookupAnswer wrong_answer(const std::vector<std::string>& addresses) {
  LookupAnswer answer;
  for (const auto& text : addresses) {
    std::array<std::uint8_t, 4> v4{};
    std::array<std::uint8_t, 16> v6{};
    if (inet_pton(AF_INET, text.c_str(), v4.data()) == 1)
      answer.v4.push_back(v4);
    else if (inet_pton(AF_INET6, text.c_str(), v6.data()) == 1)
      answer.v6.push_back(v6);
  }
  return answer;
}

void check_addresses(const std::vector<std::string>& addresses, std::vector<Problem>& problems) {
  for (const auto& text : addresses) {
    const LookupAnswer one = wrong_answer({text});
    if (one.v4.empty() && one.v6.empty())
      problems.push_back({"address", "\"" + text + "\" is not an IP address",
                          "write addresses such as \"192.0.2.1\" or \"2001:db8::1\""});
    else if (!one.v6.empty() && IN6_IS_ADDR_V4MAPPED(one.v6.front().data()))
      problems.push_back({"address", "\"" + text + "\" is an IPv4 address within IPv6, which no server answers",
                          "write the IPv4 address by itself, such as \"192.0.2.1\""});
  }
  const LookupAnswer all = wrong_answer(addresses);
  const std::string most = std::to_string(FL_MAX_DNS_ADDRESSES);
  if (std::max(all.v4.size(), all.v6.size()) > FL_MAX_DNS_ADDRESSES)
    problems.push_back(
        {"address", "an answer has room for " + most + " addresses of each family", "give at most " + most});
}

std::vector<Problem> validate(const Params& params, Ns /*duration*/) {
  std::vector<Problem> problems;
  const std::string answer = params.text("answer");
  const auto belongs = [&](const char* key, const char* to, const char* example) {
    if (answer == to && !params.has(key))
      problems.push_back({"answer", std::string("answer = \"") + to + "\" needs \"" + key + "\"",
                          std::string("add ") + key + " = " + example});
    if (answer != to && !answer.empty() && params.has(key))
      problems.push_back({key, std::string("\"") + key + "\" belongs to answer = \"" + to + "\"",
                          std::string("take it out, or write answer = \"") + to + "\""});
  };
  belongs("delay", "delay", "\"2s\"");
  belongs("address", "wrong", "[\"192.0.2.1\"]");
  belongs("ttl", "wrong", "\"0s\"");
  std::erase_if(problems, [](const Problem& p) { return p.message.ends_with("needs \"ttl\""); });  // it has a default
  if (answer == "delay" && params.has("delay") && params.duration("delay") == 0) problems.push_back(idle_problem());
  if (params.duration("ttl") % kSecond != 0)
    problems.push_back({"ttl", "a time to live is in whole seconds", "such as ttl = \"5s\""});
  for (const auto& name : params.texts("names"))
    if (const std::string mistake = name_mistake(name); !mistake.empty())
      problems.push_back({"names", "\"" + name + "\" is not a DNS name: " + mistake,
                          "write \"bank.internal\", or \"*.internal\" for all names under it"});
  check_addresses(params.texts("address"), problems);
  return problems;
}

Channel compile(const Request& request) {
  const Params& params = request.params;
  const std::string answer = params.text("answer");
  Channel channel;
  channel.answer.filter = FL_FILTER_LOOKUP;
  channel.answer.names = params.texts("names");
  if (std::find(channel.answer.names.begin(), channel.answer.names.end(), "*") != channel.answer.names.end())
    channel.answer.names.clear();
  if (answer == "delay") {
    add_step(channel.delay, request.window, static_cast<double>(params.duration("delay")));
    return channel;
  }
  add_step(channel.loss, request.window, 1.0);
  if (answer == "silence") return channel;
  channel.answer.reply = FL_REPLY_LOOKUP;
  if (answer == "wrong") channel.answer.lookup = wrong_answer(params.texts("address"));
  channel.answer.lookup.rcode = answer == "servfail" ? 2 : answer == "nxdomain" ? 3 : answer == "refused" ? 5 : 0;
  channel.answer.lookup.ttl = static_cast<std::uint32_t>(params.duration("ttl") / kSecond);
  return channel;
}

}  // namespace

Kind dns() {
  return {.name = "dns",
          .summary = "what DNS lookups meet: errors, silence, delay, wrong addresses",
          .keys = {{.name = "answer",
                    .type = ValueType::choice,
                    .doc = "What becomes of a lookup: answered with an error, never answered, answered later, or "
                           "answered wrongly.",
                    .example = "\"nxdomain\"",
                    .required = true,
                    .choices = {"nxdomain", "servfail", "refused", "silence", "delay", "wrong"}},
                   {.name = "names",
                    .type = ValueType::texts,
                    .doc = "The names it is about, one or an array; \"*.internal\" are all names under \"internal\".",
                    .example = "\"bank.internal\"",
                    .fallback = "\"*\""},
                   {.name = "delay",
                    .type = ValueType::duration,
                    .doc = "Of answer = \"delay\": how much later the query leaves.",
                    .example = "\"2s\"",
                    .max = kMaxHold},
                   {.name = "address",
                    .type = ValueType::texts,
                    .doc = "Of answer = \"wrong\": the addresses it gives, IPv4 to questions of type A, IPv6 to AAAA; "
                           "at most 8 of each.",
                    .example = "[\"192.0.2.1\", \"2001:db8::1\"]"},
                   {.name = "ttl",
                    .type = ValueType::duration,
                    .doc = "Of answer = \"wrong\": how long it may be cached, in whole seconds.",
                    .example = "\"5s\"",
                    .max = kMaxTtl}},
          .validate = validate,
          .compile = compile,
          .port = 53,
          .egress_only = true};
}

}  // namespace faultline::faults
