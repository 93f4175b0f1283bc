// [probes.NAME]: requests that a user of the service would make.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "injector/base/rtnetlink.h"
#include "injector/plan/address.h"
#include "injector/plan/passes.h"

namespace faultline::plan {
namespace {

/// Where in "10.0.1.10:5432" or "[fd00::1]:5432" the port begins; npos: it is neither.
std::size_t port_in(const std::string& text) {
  const auto colon = text.rfind(':');
  if (colon == std::string::npos || colon == 0) return std::string::npos;
  const std::string host = text.substr(0, colon);
  const bool bracketed = host.front() == '[' && host.back() == ']' && host.size() > 2;
  if (!bracketed && host.find_first_of(":[]/ ") != std::string::npos) return std::string::npos;
  std::uint16_t port = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data() + colon + 1, end, port);
  return error == std::errc() && stop == end && port != 0 ? colon + 1 : std::string::npos;
}

std::string unbracketed(const std::string& host) {
  return host.size() > 2 && host.front() == '[' && host.back() == ']' ? host.substr(1, host.size() - 2) : host;
}

/// "host:port" with the host as read_asked() has it.
Read<std::string> read_host_and_port(const std::string& text) {
  const auto port = port_in(text);
  if (port == std::string::npos) return {};
  auto host = read_asked(unbracketed(text.substr(0, port - 1)));
  if (host.value)
    host.value =
        (host.value->find(':') == std::string::npos ? *host.value : "[" + *host.value + "]") + ":" + text.substr(port);
  return host;
}

Read<std::string> read_url(const std::string& text) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!text.starts_with(scheme) || text.size() == scheme.size() || text[scheme.size()] == '/' ||
        text[scheme.size()] == ':' ||
        std::any_of(text.begin(), text.end(), [](unsigned char c) { return c <= ' ' || c == 0x7f; }))
      continue;
    std::string host = text.substr(scheme.size(), text.find_first_of("/?#", scheme.size()) - scheme.size());
    host = host.substr(host.rfind('@') + 1);
    if (const auto port = port_in(host); port != std::string::npos) host.resize(port - 1);
    if (!host.starts_with("[")) host = host.substr(0, host.find(':'));
    host = unbracketed(host);
    if (const auto zone = host.find("%25"); zone != std::string::npos) host.erase(zone + 1, 2);  // as URLs write it
    auto read = read_asked(host);
    if (read.value) read.value = text;
    return read;
  }
  return {};
}

Read<std::string> read_icmp(const std::string& text) {
  return text.empty() || text.find('/') != std::string::npos ? Read<std::string>{} : read_asked(text);
}

Read<std::string> read_name(const std::string& text) {
  if (text.empty() || text.find_first_of("/ :[]") != std::string::npos) return {};
  return {text, {}, {}};
}

Read<std::string> read_postgresql_uri(const std::string& text) {
  if (!text.starts_with("postgresql://") && !text.starts_with("postgres://")) return {};
  return {text, {}, {}};
}

/// What a probe asks, where that is a text.
struct Subject {
  Read<std::string> (*read)(const std::string&);  ///< without an error: it is not `what`
  const char* what;
  const char* example;
  const char* also;  ///< how else it may be written
};
Subject subject_of(Probe::Kind kind) {
  switch (kind) {
    case Probe::Kind::http:
      return {read_url, "a URL", "\"http://10.0.1.10:8080/pay\"", ""};
    case Probe::Kind::tcp:
      return {read_host_and_port, "a host and a port up to 65535", "\"10.0.1.10:5432\"", " or \"[fd00::1]:5432\""};
    case Probe::Kind::redis:
      return {read_host_and_port, "a host and a port up to 65535", "\"10.0.1.10:6379\"", " or \"[fd00::1]:6379\""};
    case Probe::Kind::icmp:
      return {read_icmp, "an address or a name", "\"10.0.1.10\"", ""};
    case Probe::Kind::dns:
      return {read_name, "a name", "\"bank.example.com\"", ", and whom to ask as server = \"10.0.0.53\""};
    case Probe::Kind::postgresql:
      return {read_postgresql_uri, "a URI of PostgreSQL", "\"postgresql://app@10.0.1.10/shop\"", ""};
    case Probe::Kind::exec:
      break;
  }
  throw std::logic_error("what an exec probe asks is no text");
}

void read_subject(Table& table, Probe& probe) {
  if (probe.kind == Probe::Kind::exec) {
    if (auto command = table.command("exec")) probe.command = std::move(*command);
    return;
  }
  const std::string_view key = kind_name(probe.kind);
  const Subject wanted = subject_of(probe.kind);
  const auto text = table.text(key, wanted.example);
  if (!text) return;
  const auto read = wanted.read(*text);
  probe.subject = read.value.value_or(*text);
  if (read.value) return;
  if (read.error.empty())
    table.issues().error(table.take(key)->value.at, fmt::format("{}: \"{}\" is not {}", key, *text, wanted.what),
                         fmt::format("write {} = {}{}", key, wanted.example, wanted.also));
  else
    table.issues().error(table.take(key)->value.at, fmt::format("{}: {}", key, read.error), read.hint);
}

/// A key that only some kinds of probe have.
bool allowed(Table& table, std::string_view key, std::string_view full, Probe::Kind kind,
             std::initializer_list<Probe::Kind> kinds) {
  if (!table.has(key)) return false;
  if (std::find(kinds.begin(), kinds.end(), kind) != kinds.end()) return true;
  std::string list;
  for (const auto k : kinds) list += fmt::format("{}{}", list.empty() ? "" : " and ", kind_name(k));
  table.take(key);
  table.issues().error(table.place(key), fmt::format("\"{}\" is not for {} probes", full, kind_name(kind)),
                       fmt::format("it is for {} probes", list));
  return false;
}

bool is_address(const std::string& text) { return text.find('/') == std::string::npos && IpPrefix::parse(text); }

/// One of `choices`.
std::optional<std::string> choice(Table& table, const char* key, const std::vector<std::string>& choices) {
  const auto text = table.text(key, fmt::format("\"{}\"", choices.front()));
  if (!text || std::find(choices.begin(), choices.end(), *text) != choices.end()) return text;
  table.issues().error(table.take(key)->value.at, fmt::format("{}: \"{}\" is none of them", key, *text),
                       table.issues().suggest(*text, choices, list_known("choose one of", choices)));
  return std::nullopt;
}

void read_dns(Table& table, Probe& probe) {
  using enum Probe::Kind;
  if (allowed(table, "server", "server", probe.kind, {dns})) {
    probe.server = table.text("server", "\"10.0.0.53\"").value_or("");
    auto read = read_host_and_port(probe.server);
    if (!read.value && read.error.empty()) read = read_asked(probe.server, "a host");
    if (read.value)
      probe.server = *read.value;
    else
      table.issues().error(table.take("server")->value.at, "server: " + read.error,
                           read.hint.empty() ? "write server = \"10.0.0.53\" or \"10.0.0.53:5353\"" : read.hint);
  }
  if (allowed(table, "type", "type", probe.kind, {dns})) probe.ipv6 = choice(table, "type", {"A", "AAAA"}) == "AAAA";
}

void read_expected_address(Table& expect, Probe& probe) {
  const auto text = expect.text("address", "\"10.0.1.10\"");
  if (!text) return;
  if (!is_address(*text) || IpPrefix::parse(*text)->v6 != probe.ipv6)
    expect.issues().error(expect.take("address")->value.at,
                          fmt::format("expect.address: \"{}\" is not an IPv{} address", *text, probe.ipv6 ? 6 : 4),
                          probe.ipv6
                              ? "a question of type AAAA is answered with IPv6 addresses"
                              : "a question of type A is answered with IPv4 addresses; add type = \"AAAA\" for IPv6");
  probe.expect_address = *text;
}

void read_expect(Table& table, Probe& probe) {
  auto expect = table.table("expect", "{ status = 200 }");
  if (!expect) return;
  using enum Probe::Kind;
  if (allowed(*expect, "status", "expect.status", probe.kind, {http}))
    if (auto status = expect->integer("status", 100, 599)) probe.expect_status = static_cast<int>(*status);
  if (allowed(*expect, "body", "expect.body", probe.kind, {http, exec}))
    probe.expect_body = expect->text("body", "\"ok\"").value_or("");
  if (allowed(*expect, "reply", "expect.reply", probe.kind, {tcp, redis, postgresql}))
    probe.expect_reply = expect->text("reply", "\"+PONG\"").value_or("");
  if (allowed(*expect, "exit", "expect.exit", probe.kind, {exec}))
    if (auto status = expect->integer("exit", 0, 255)) probe.expect_exit = static_cast<int>(*status);
  if (allowed(*expect, "address", "expect.address", probe.kind, {dns})) read_expected_address(*expect, probe);
  if (allowed(*expect, "rcode", "expect.rcode", probe.kind, {dns}))
    probe.expect_rcode = choice(*expect, "rcode", {kRcodes.begin(), kRcodes.end()}).value_or("NOERROR");
  for (const auto& key : {"status", "body", "reply", "exit", "address", "rcode"})
    expect->take(key);  // known, for suggestions
  expect->finish();
}

void read_extras(Table& table, Probe& probe) {
  using enum Probe::Kind;
  Issues& issues = table.issues();
  if (allowed(table, "method", "method", probe.kind, {http})) {
    if (auto method = table.text("method", "\"POST\"")) {
      const auto upper = [](char c) { return c >= 'A' && c <= 'Z'; };
      if (method->empty() || !std::all_of(method->begin(), method->end(), upper))
        issues.error(table.take("method")->value.at, fmt::format("method: \"{}\" is not an HTTP method", *method),
                     "write it in capitals: method = \"POST\"");
      probe.method = *method;
    }
  }
  if (allowed(table, "body", "body", probe.kind, {http})) probe.body = table.text("body", "\"{}\"").value_or("");
  if (allowed(table, "headers", "headers", probe.kind, {http})) {
    probe.headers = table.text_map("headers", "{ Accept = \"text/plain\" }");
    for (const auto& [name, value] : probe.headers)
      if (name.empty() || (name + value).find_first_of("\r\n") != std::string::npos ||
          name.find_first_of(": ") != std::string::npos)
        issues.error(table.place("headers"), fmt::format("headers: \"{}\" is not a header", name),
                     "a name has no colon or space, and neither name nor value a line break");
  }
  if (allowed(table, "reuse", "reuse", probe.kind, {http, redis, postgresql}))
    probe.reuse = table.boolean("reuse").value_or(false);
}

/// When it asks, if not throughout. Whether that lies within the run is known only when the timeline is.
void read_window(Table& table, Probe& probe, const Options& options) {
  if (const Entry* start = table.take("start"))
    probe.start = read_timeline(table, "start", start->value, options).value_or(0);
  const Entry* length = table.take("for");
  if (!length) return;
  probe.length = read_timeline(table, "for", length->value, options);
  if (probe.length == 0) table.issues().error(length->value.at, "for: nothing is asked in no time", "for = \"20s\"");
}

void read_probe(const Entry& entry, Draft& draft) {
  Issues& issues = draft.issues;
  check_name(issues, entry.at, "a probe's name", entry.key, true);
  if (entry.value.type != Node::Type::table) {
    issues.error(entry.value.at,
                 fmt::format("probes.{}: expected a table, found {}", entry.key, describe(entry.value.type)),
                 fmt::format("write [probes.{}] with http = \"http://…\" below it", entry.key));
    return;
  }
  Table table(entry.value, entry.at, fmt::format("probe \"{}\"", entry.key), issues);
  ProbeDraft result;
  Probe& probe = result.probe;
  probe.name = entry.key;
  probe.at = entry.at;
  std::string_view first;
  for (const auto& key : kProbeKinds) {
    const Entry* given = table.take(key);
    if (!given) continue;
    if (!first.empty()) {
      issues.error(given->at, fmt::format("probe \"{}\" is both {} and {}", entry.key, first, key),
                   "a probe asks one thing: make two probes");
      continue;
    }
    first = key;
    probe.kind = static_cast<Probe::Kind>(&key - kProbeKinds.data());
  }
  if (!first.empty()) read_subject(table, probe);
  if (auto every = table.scalar("every", "\"50ms\"", read_duration)) {
    probe.every = *every;
    if (*every < kMillisecond)
      issues.error(table.take("every")->value.at, fmt::format("every: {} is too often", format_duration(*every)),
                   "at most one request a millisecond: every = \"1ms\"");
  }
  if (auto timeout = table.scalar("timeout", "\"1s\"", read_duration)) {
    probe.timeout = *timeout;
    if (*timeout < kMillisecond)
      issues.error(table.take("timeout")->value.at, fmt::format("timeout: {} is too short", format_duration(*timeout)),
                   "at least 1ms");
  }
  read_window(table, probe, draft.options);
  result.from = table.word("from", "\"client\"");
  // Without a known kind, the keys that belong to kinds cannot be judged.
  if (!first.empty()) {
    read_dns(table, probe);  // the type of the question first: the address expected is of it
    read_expect(table, probe);
    read_extras(table, probe);
    if (allowed(table, "send", "send", probe.kind, {Probe::Kind::tcp}))
      probe.send = table.text("send", "\"PING\\r\\n\"").value_or("");
    if (allowed(table, "command", "command", probe.kind, {Probe::Kind::redis}))
      probe.command = table.command("command").value_or(std::vector<std::string>{});
    else if (probe.kind == Probe::Kind::redis)
      probe.command = {"PING"};
    if (allowed(table, "query", "query", probe.kind, {Probe::Kind::postgresql}))
      probe.query = table.text("query", "\"select 1\"").value_or("");
  }
  for (const auto& key : {"expect", "method", "body", "headers", "reuse", "send", "server", "type", "command", "query"})
    table.take(key);
  const std::size_t before = issues.count();
  table.finish();
  if (first.empty() && issues.count() == before)
    issues.error(entry.at, fmt::format("probe \"{}\" asks nothing", entry.key),
                 fmt::format("add one of {}", fmt::join(kProbeKinds, ", ")));
  draft.probes.push_back(std::move(result));
}

}  // namespace

std::string without_passwords(std::string text) {
  if (const auto scheme = text.find("://"); scheme != std::string::npos) {
    const auto begin = scheme + 3, end = text.find('/', begin);
    const auto at = text.substr(0, end).rfind('@');  // a password may hold one itself
    const auto colon = text.find(':', begin);
    if (at != std::string::npos && at > begin && colon < at) text.replace(colon + 1, at - colon - 1, "***");
  }
  for (const std::string_view key : {"?password=", "&password=", "?sslpassword=", "&sslpassword="})
    if (const auto found = text.find(key); found != std::string::npos) {
      const auto begin = found + key.size();
      text.replace(begin, std::min(text.find('&', begin), text.size()) - begin, "***");
    }
  return text;
}

bool is_secret(std::string name) {
  std::erase_if(name, [](char c) { return c == '_' || c == '-' || c == '.'; });
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
  static constexpr std::string_view kWords[] = {"password", "passwd", "passphrase", "secret",
                                                "token",    "apikey", "credential", "privatekey"};
  return std::any_of(std::begin(kWords), std::end(kWords),
                     [&](std::string_view word) { return name.find(word) != std::string::npos; });
}

std::string without_secrets(std::string text) {
  auto equals = text.find('=');
  if (text.starts_with("--") && equals != std::string::npos)  // "--var=name=value"
    equals = std::min(text.find('=', equals + 1), std::max(equals, text.size()));
  if (equals < text.size() && is_secret(text.substr(0, equals))) return text.substr(0, equals + 1) + "***";
  return without_passwords(std::move(text));
}

std::string Probe::shown_subject() const { return without_passwords(subject); }

void read_probes(Table& top, Draft& draft) {
  auto probes = top.table("probes", "{ }");
  if (!probes) return;
  for (const auto& entry : probes->entries()) read_probe(entry, draft);
}

}  // namespace faultline::plan
