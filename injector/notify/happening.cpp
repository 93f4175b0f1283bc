#include "injector/notify/happening.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "injector/base/error.h"
#include "injector/base/text.h"
#include "injector/base/visible_text.h"
#include "injector/plan/asked.h"
#include "injector/plan/values.h"
#include "injector/record/schema.h"

namespace faultline::notify {
namespace {

namespace events = record::events;
using nlohmann::json;

constexpr std::size_t kLongest = 1000;  // of a text: chats cut longer ones

constexpr std::array<std::string_view, 12> kTold{
    events::T0::event,    events::FaultBegin::event, events::FaultEnd::event, events::GuardActed::event,
    events::Abort::event, events::Trouble::event,    record::Escape::event,   events::Warning::event,
    events::Note::event,  events::Healed::event,     events::Seen::event,     events::Lapse::event};

std::string named(const plan::Plan& plan) {
  return plan.arm.empty() ? plan.name : fmt::format("{} ({})", plan.name, plan.arm);
}

std::string host() {
  std::array<char, 256> name{};
  ::gethostname(name.data(), name.size() - 1);
  return name.data();
}

std::string word(const json& line, const char* key) {
  const auto it = line.find(key);
  return it != line.end() && it->is_string() ? it->get<std::string>() : std::string();
}

/// The first of the texts that a line has.
std::string said(const json& line) {
  for (const char* key : {"message", "text", "reason", "why", "line"})
    if (auto text = word(line, key); !text.empty()) return text;
  return "";
}

std::string begin_text(const plan::Plan& plan) {
  return fmt::format("begins on {}: {} fault{} in {}, seed {}", host(), plan.faults.size(),
                     plan.faults.size() == 1 ? "" : "s", plan::format_duration(plan.duration), plan.seed);
}

std::string fault_text(const plan::Plan& plan, const std::string& name, bool begins) {
  const auto fault =
      std::find_if(plan.faults.begin(), plan.faults.end(), [&](const plan::Fault& one) { return one.name == name; });
  if (fault == plan.faults.end() || !begins) return fmt::format("fault {} {}", name, begins ? "begins" : "ends");
  const std::string asked = plan::asked_text(*fault);
  return fmt::format("fault {} begins: {} on {}{}, for {}", name, fault->kind->name, fmt::join(fault->on, ", "),
                     asked.empty() ? "" : ", " + asked, plan::format_duration(fault->end - fault->start));
}

/// "deviated: 2 of 3 hypotheses held", and what broke or why nothing is said.
std::string verdict_text(const report::Summary& s) {
  std::string text = s.verdict;
  const auto judged = s.hypotheses.size();
  const auto held =
      std::count_if(s.hypotheses.begin(), s.hypotheses.end(), [](const auto& h) { return h.held.value_or(false); });
  if (judged > 0) text += fmt::format(": {} of {} hypotheses held", held, judged);
  // Of a run that says nothing, why; else what broke.
  auto why = s.reasons;
  const auto broken = report::broken_hypotheses(s);
  why.insert(s.exit_code == static_cast<int>(Exit::deviated) ? why.begin() : why.end(), broken.begin(), broken.end());
  return why.empty() ? text : fmt::format("{}; {}", text, fmt::join(why, "; "));
}

}  // namespace

bool is_told(const char* event) { return std::find(kTold.begin(), kTold.end(), event) != kTold.end(); }

std::optional<Happening> read_line(const plan::Plan& plan, const std::string& text, Ns wall) {
  auto line = json::parse(text, nullptr, false);
  if (!line.is_object()) return {};
  Happening what;
  what.wall = wall;
  what.event = word(line, "event");
  std::string about;
  if (what.event == events::T0::event) {
    what.event = "begin";
    what.moment = Moment::begin;
    about = begin_text(plan);
    // T0 is a moment ahead, or, with --at, some time.
    if (const auto epoch = line.find("epoch"), mono = line.find("mono"); epoch != line.end() && mono != line.end())
      what.wall += epoch->get<Ns>() - mono->get<Ns>();
  } else if (what.event == events::FaultBegin::event || what.event == events::FaultEnd::event) {
    what.moment = Moment::fault;
    what.fault = word(line, "fault");
    about = fault_text(plan, what.fault, what.event == events::FaultBegin::event);
    // The kernel acts at the planned instant; the run's loop notices somewhat later.
    if (const auto t = line.find("t"), planned = line.find("planned"); t != line.end() && planned != line.end())
      what.wall -= std::max<Ns>(0, t->get<Ns>() - planned->get<Ns>());
  } else if (what.event == events::GuardActed::event) {
    what.moment = Moment::guard;
    what.grave = true;
    about = fmt::format("guard {} acted, and every fault is off: {}, observed {}", word(line, "guard"),
                        word(line, "condition"), word(line, "observed"));
  } else if (what.event == events::Abort::event) {
    if (word(line, "by") != "guard") what.moment = Moment::guard;  // of a guard the line before this one tells
    what.event = "stop";
    what.grave = true;
    about = fmt::format("is stopped: {}", word(line, "reason"));
  } else {
    what.grave =
        what.event != events::Note::event && what.event != events::Healed::event && what.event != events::Seen::event;
    about = said(line);
    if (about.empty()) about = what.event;
  }
  what.text = bounded(visible(fmt::format("{}: {}", named(plan), about)), kLongest);
  what.details = std::move(line);
  return what;
}

Happening read_verdict(const report::Summary& s, Ns wall) {
  static constexpr std::size_t kMostReasons = 20;
  Happening what;
  what.event = "end";
  what.moment = Moment::end;
  what.wall = wall;
  what.grave = s.exit_code != 0;
  what.text = bounded(
      visible(fmt::format("{}{}: {}", s.name, s.arm ? fmt::format(" ({})", *s.arm) : "", verdict_text(s))), kLongest);
  const auto first = [](std::vector<std::string> lines) {
    lines.resize(std::min(lines.size(), kMostReasons));
    for (auto& line : lines) line = bounded(visible(line), kLongest);
    return lines;
  };
  what.details = {
      {"verdict", s.verdict},        {"exit_code", s.exit_code},   {"broken", first(report::broken_hypotheses(s))},
      {"reasons", first(s.reasons)}, {"observed_s", s.observed_s}, {"repeat", bounded(visible(s.repeat), kLongest)}};
  return what;
}

std::string webhook_body(const Webhook& to, const plan::Plan& plan, const Happening& what) {
  if (to.slack) {
    std::string text;  // as Slack wants it: https://api.slack.com/reference/surfaces/formatting
    for (const char c : what.text)
      text += c == '&' ? "&amp;" : c == '<' ? "&lt;" : c == '>' ? "&gt;" : std::string(1, c);
    return json{{"text", text}}.dump(-1, ' ', false, json::error_handler_t::replace);
  }
  json body{{"event", what.event},
            {"at", rfc3339(what.wall)},
            {"text", what.text},
            {"run",
             {{"name", plan.name},
              {"title", bounded(visible(plan.title), kLongest)},
              {"arm", plan.arm.empty() ? json(nullptr) : json(plan.arm)},
              {"seed", plan.seed},
              {"host", host()}}},
            {"details", what.details}};
  return body.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace faultline::notify
