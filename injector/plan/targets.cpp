// [targets.NAME]: what faults are on, and what their traffic goes to and from.
#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "injector/plan/passes.h"

namespace faultline::plan {
namespace {

constexpr std::string_view kAddressHint = "write an address or a prefix: \"10.0.3.7\", \"10.0.3.0/24\", \"fd00::/64\"";

/// An IP address or prefix in the usual notation, the bits behind the prefix cleared. Empty when it is none.
std::optional<std::string> normalise_address(const std::string& text) {
  const auto slash = text.find('/');
  const std::string address = text.substr(0, slash);
  std::array<unsigned char, 16> bytes{};
  const int family = address.find(':') == std::string::npos ? AF_INET : AF_INET6;
  if (inet_pton(family, address.c_str(), bytes.data()) != 1) return std::nullopt;
  if (slash == std::string::npos) return address;
  const unsigned size = family == AF_INET ? 4 : 16;
  unsigned length = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data() + slash + 1, end, length);
  if (error != std::errc() || stop != end || length > size * 8) return std::nullopt;
  for (unsigned bit = length; bit < size * 8; ++bit) bytes[bit / 8] &= static_cast<unsigned char>(~(0x80 >> bit % 8));
  std::array<char, INET6_ADDRSTRLEN> buffer{};
  inet_ntop(family, bytes.data(), buffer.data(), buffer.size());
  return fmt::format("{}/{}", buffer.data(), length);
}

bool looks_numeric(const std::string& text) {
  return text.find(':') != std::string::npos || text.find_first_not_of("0123456789./") == std::string::npos;
}

void read_addresses(Table& table, TargetDraft& draft) {
  for (const auto& word : table.words("address", "\"10.0.3.0/24\"")) {
    if (auto address = normalise_address(word.text))
      draft.target.addresses.push_back(std::move(*address));
    else if (word.text.empty() || looks_numeric(word.text) || word.text.find('/') != std::string::npos)
      table.issues().error(word.at, fmt::format("address: \"{}\" is not an IP address or prefix", word.text), std::string(kAddressHint));
    else
      table.issues().not_yet(word.at, fmt::format("address: \"{}\": host names are not yet possible in this version", word.text),
                             std::string(kAddressHint));
  }
}

void read_port_list(Table& table, TargetDraft& draft) {
  const Entry* entry = table.take("port");
  if (!entry) return;
  const auto read_one = [&](const Node& value) {
    if (value.type == Node::Type::integer) {
      if (value.integer < 1 || value.integer > 65535)
        table.issues().error(value.at, fmt::format("port: {} is not a port", value.integer), "ports are 1 to 65535");
      else
        draft.target.ports.push_back({static_cast<std::uint16_t>(value.integer), static_cast<std::uint16_t>(value.integer)});
    } else if (auto ports = table.scalar("port", value, "443", read_ports)) {
      draft.target.ports.insert(draft.target.ports.end(), ports->begin(), ports->end());
    }
  };
  if (entry->value.type != Node::Type::array) return read_one(entry->value);
  if (entry->value.items.empty()) table.issues().error(entry->value.at, "port: the array is empty", "write port = [80, \"8000-8080\"]");
  for (const auto& item : entry->value.items) read_one(item);
}

void read_protocol(Table& table, TargetDraft& draft) {
  static const std::vector<std::string> kProtocols{"tcp", "udp", "icmp"};
  const auto protocol = table.text("protocol", "\"tcp\"");
  if (!protocol) return;
  const Place at = table.take("protocol")->value.at;
  if (std::find(kProtocols.begin(), kProtocols.end(), *protocol) == kProtocols.end()) {
    table.issues().error(at, fmt::format("protocol: unknown protocol \"{}\"", *protocol),
                         table.issues().suggest(*protocol, kProtocols, list_known("protocols are", kProtocols)));
    return;
  }
  draft.target.protocol = *protocol;
  if (*protocol == "icmp" && table.has("port"))
    table.issues().error(table.place("port"), "port: icmp has no ports", "remove port, or write protocol = \"tcp\"");
}

struct Way {
  std::string_view key;
  Target::Where where;
  std::string_view example;
};
constexpr std::array<Way, 5> kWays{{{"netns", Target::Where::netns, "\"shop\""},
                                    {"host", Target::Where::host, "\"web1\""},
                                    {"room", Target::Where::room, "\"east\""},
                                    {"link", Target::Where::link, "\"metro\""},
                                    {"address", Target::Where::none, "\"10.0.3.0/24\""}}};
constexpr std::array<std::string_view, 7> kReservedWays{"unit", "container", "pod", "process", "pid", "cgroup", "interface"};

void read_subject(Table& table, const Way& way, TargetDraft& draft) {
  draft.target.where = way.where;
  if (way.where == Target::Where::none) return read_addresses(table, draft);
  const auto subject = table.text(way.key, way.example);
  if (!subject) return;
  const Place at = table.take(way.key)->value.at;
  draft.subject = {*subject, at};
  draft.target.subject = *subject;
  if (way.where != Target::Where::netns) return;
  if (subject->empty() || *subject == "." || *subject == ".." || (subject->find('/') != std::string::npos && subject->front() != '/'))
    table.issues().error(at, fmt::format("netns: \"{}\" is neither a name nor an absolute path", *subject),
                         "write a name as `ip netns` lists it, or a path: \"/proc/1234/ns/net\"");
}

void read_target(const Entry& entry, Draft& draft) {
  Issues& issues = draft.issues;
  check_name(issues, entry.at, "a target's name", entry.key, true);
  if (entry.key == "here") issues.error(entry.at, "\"here\" cannot name a target", "it is where a probe runs that has no place of its own");
  if (entry.value.type != Node::Type::table) {
    issues.error(entry.value.at, fmt::format("targets.{}: expected a table, found {}", entry.key, describe(entry.value.type)),
                 fmt::format("write [targets.{}] with netns = \"name\" below it", entry.key));
    return;
  }
  const std::size_t at_first = issues.count();
  TargetDraft target;
  target.target.name = entry.key;
  target.target.at = entry.at;
  Table table(entry.value, entry.at, fmt::format("target \"{}\"", entry.key), issues);
  std::string_view first;
  for (const auto& way : kWays) {
    const Entry* given = table.take(way.key);
    if (!given) continue;
    if (!first.empty())
      issues.error(given->at, fmt::format("target \"{}\" has both \"{}\" and \"{}\"", entry.key, first, way.key),
                   "a target has exactly one way to find it: make two targets");
    else
      first = way.key;
    TargetDraft other;
    read_subject(table, way, first == way.key ? target : other);
  }
  bool reserved = false;
  for (const auto& key : kReservedWays) reserved |= table.reserve(key, fmt::format("a target by \"{}\" is", key), "it finds targets by netns, host, room, link and address");
  if (reserved) target.target.where = Target::Where::reserved;
  read_protocol(table, target);
  read_port_list(table, target);
  table.reserve("if_gone");
  table.reserve("wait");
  const bool empty = first.empty() && !reserved && !table.has("protocol") && !table.has("port");
  const std::size_t before = issues.count();
  table.finish();
  if (empty && issues.count() == before)
    issues.error(entry.at, fmt::format("target \"{}\" has nothing to find it by", entry.key), "add one of netns, host, room, link, address");
  if (draft.issues.count() != at_first && target.target.where == Target::Where::none) target.target.where = Target::Where::reserved;
  draft.targets.push_back(std::move(target));
}

}  // namespace

void read_targets(Table& top, Draft& draft) {
  auto targets = top.table("targets", "{ }");
  if (!targets) return;
  for (const auto& entry : targets->entries()) read_target(entry, draft);
}

}  // namespace faultline::plan
