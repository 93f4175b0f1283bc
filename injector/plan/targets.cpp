// [targets.NAME]: what faults are on, and what their traffic goes to and from.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "injector/base/written_address.h"
#include "injector/plan/passes.h"
#include "injector/plan/subjects.h"

namespace faultline::plan {
namespace {

void read_target_addresses(Table& table, TargetDraft& draft) {
  for (const auto& word : table.words("address", "\"10.0.3.0/24\"")) {
    if (auto read = read_addresses(word.text); read.value)
      draft.target.addresses.insert(draft.target.addresses.end(), read.value->begin(), read.value->end());
    else
      table.issues().error(word.at, "address: " + read.error, std::move(read.hint));
  }
}

void read_port_list(Table& table, TargetDraft& draft) {
  table.takes("port", [] {
    return Form{.type = Form::Type::ports, .example = "443", .pattern = std::string(pattern_of(read_ports))};
  });
  const Entry* entry = table.take("port");
  if (!entry) return;
  const auto read_one = [&](const Node& value) {
    if (value.type == Node::Type::integer) {
      if (value.integer < 1 || value.integer > 65535)
        table.issues().error(value.at, fmt::format("port: {} is not a port", value.integer), "ports are 1 to 65535");
      else
        draft.target.ports.push_back(
            {static_cast<std::uint16_t>(value.integer), static_cast<std::uint16_t>(value.integer)});
    } else if (auto ports = table.scalar("port", value, "443", read_ports)) {
      draft.target.ports.insert(draft.target.ports.end(), ports->begin(), ports->end());
    }
  };
  if (entry->value.type != Node::Type::array) return read_one(entry->value);
  if (entry->value.items.empty())
    table.issues().error(entry->value.at, "port: the array is empty", "write port = [80, \"8000-8080\"]");
  for (const auto& item : entry->value.items) read_one(item);
}

void read_protocol(Table& table, TargetDraft& draft) {
  static const std::vector<std::string> kProtocols{"tcp", "udp", "icmp"};
  const auto protocol = table.choice("protocol", "\"tcp\"", kProtocols, "protocol");
  if (!protocol) return;
  draft.target.protocol = *protocol;
  if (*protocol == "icmp" && table.has("port"))
    table.issues().error(table.place("port"), "port: icmp has no ports", "remove port, or write protocol = \"tcp\"");
}

constexpr std::string_view kWaysInWords =
    "netns, interface, cgroup, pid, process, unit, container, pod, host, room, link, address";

constexpr std::int64_t kMostPid = 1 << 22;  // PID_MAX_LIMIT

/// A process id may be a number, or a string, so that a variable can hold it.
std::optional<std::string> read_pid(Table& table) {
  const Entry& entry = *table.take("pid");
  std::int64_t pid = entry.value.integer;
  if (entry.value.type == Node::Type::string) {
    const std::string& text = entry.value.text;
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, pid);
    if (error != std::errc() || stop != end) pid = 0;
  } else if (!table.expect(entry.value, Node::Type::integer, "pid", "1234")) {
    return std::nullopt;
  }
  if (pid >= 1 && pid <= kMostPid) return std::to_string(pid);
  table.issues().error(entry.value.at, "pid: this is not a process id",
                       fmt::format("a number from 1 to {}: pid = 1234", kMostPid));
  return std::nullopt;
}

void read_subject(Table& table, const Way& way, TargetDraft& draft) {
  draft.target.where = way.where;
  if (way.where == Target::Where::none) return read_target_addresses(table, draft);
  auto subject = way.where == Target::Where::pid ? read_pid(table) : table.text(way.key, way.example);
  if (!subject) return;
  const SourcePlace at = table.take(way.key)->value.at;
  if (auto mistake = check_subject(way.where, *subject); !mistake.message.empty())
    table.issues().error(at, std::move(mistake.message), std::move(mistake.hint));
  draft.subject = {*subject, at};
  draft.target.subject = *subject;
}

/// `netns` beside `interface`: where the device is.
void read_device_namespace(Table& table, TargetDraft& draft) {
  auto netns = table.text("netns", "\"shop\"");
  if (!netns) return;
  if (auto mistake = check_subject(Target::Where::netns, *netns); !mistake.message.empty())
    table.issues().error(table.take("netns")->value.at, std::move(mistake.message), std::move(mistake.hint));
  draft.target.netns = *netns;
}

/// What is to happen when it is not there, or no longer.
void read_presence(Table& table, TargetDraft& draft, bool found_on_machine) {
  constexpr Ns kLongest = 3600 * kSecond;
  for (const char* key : {"wait", "if_gone"}) {
    if (!table.take(key) || found_on_machine) continue;
    table.issues().error(table.place(key), fmt::format("{}: this target is there for as long as the run is", key),
                         fmt::format("leave {} out", key));
  }
  if (auto wait = table.scalar("wait", "\"30s\"", read_duration)) {
    if (*wait > kLongest)
      table.issues().error(table.take("wait")->value.at, fmt::format("wait: {} is too long", format_duration(*wait)),
                           "at most 1h");
    draft.target.wait = *wait;
  }
  static const std::vector<std::string> kChoices{"continue", "abort"};
  const auto if_gone = table.choice("if_gone", "\"abort\"", kChoices, "value");
  if (!if_gone) return;
  draft.target.if_gone = *if_gone == "abort" ? Target::IfGone::abort : Target::IfGone::proceed;
}

void read_target(const Entry& entry, Draft& draft) {
  Issues& issues = draft.issues;
  check_name(issues, entry.at, "a target's name", entry.key, true);
  if (entry.key == "here")
    issues.error(entry.at, "\"here\" cannot name a target", "it is where a probe runs that has no place of its own");
  if (entry.value.type != Node::Type::table) {
    issues.error(entry.value.at,
                 fmt::format("targets.{}: expected a table, found {}", entry.key, describe(entry.value.type)),
                 fmt::format("write [targets.{}] with netns = \"name\" below it", entry.key));
    return;
  }
  const std::size_t at_first = issues.count();
  TargetDraft target;
  target.target.name = entry.key;
  target.target.at = entry.at;
  Table table(entry.value, entry.at, fmt::format("target \"{}\"", entry.key), issues);
  std::string_view first;
  const bool device = table.has("interface");
  table.takes("pid", [] { return Form{.type = Form::Type::integer, .min = 1, .max = kMostPid}; });
  for (const auto& way : ways())
    if (way.where != Target::Where::none) table.takes_text(way.key, way.example);
  table.takes("address", [] { return Form{.type = Form::Type::texts, .example = "\"10.0.3.0/24\""}; });
  for (const auto& way : ways()) {
    const Entry* given = table.take(way.key);
    if (!given || (device && way.where == Target::Where::netns)) continue;
    if (!first.empty())
      issues.error(given->at, fmt::format("target \"{}\" has both \"{}\" and \"{}\"", entry.key, first, way.key),
                   "a target has exactly one way to find it: make two targets");
    else
      first = way.key;
    TargetDraft other;
    read_subject(table, way, first == way.key ? target : other);
  }
  if (device) read_device_namespace(table, target);
  read_protocol(table, target);
  read_port_list(table, target);
  read_presence(table, target, comes_and_goes(target.target.where));
  const bool empty = first.empty() && !table.has("protocol") && !table.has("port");
  const std::size_t before = issues.count();
  table.finish();
  if (empty && issues.count() == before)
    issues.error(entry.at, fmt::format("target \"{}\" has nothing to find it by", entry.key),
                 fmt::format("add one of {}", kWaysInWords));
  if (draft.issues.count() != at_first && target.target.where == Target::Where::none)
    target.target.where = Target::Where::reserved;
  draft.targets.push_back(std::move(target));
}

}  // namespace

void read_targets(Table& top, Draft& draft) {
  auto targets = top.table("targets", "{ }");
  if (!targets) return;
  for (const auto& entry : targets->entries()) read_target(entry, draft);
}

}  // namespace faultline::plan
