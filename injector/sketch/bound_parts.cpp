#include "injector/sketch/bound_parts.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <utility>

#include "injector/sketch/references.h"

namespace faultline::sketch {
namespace {

using plan::Diagnostic;
using plan::Entry;
using plan::Node;

class Assembly {
 public:
  Assembly(const BoundSources& of, std::vector<Diagnostic>& mistakes) : of_(of), mistakes_(mistakes) {}

  Parts put_together() {
    const std::string& with = of_.bindings.with;
    add_title();
    add(of_.document, "seed", "");
    for (const char* key : {"duration", "tolerance"})
      of_.own.find(key) != nullptr ? add(of_.own, key, with) : add(of_.document, key, "");
    add(of_.own, "telemetry", with);
    add_variables();
    add_targets();
    add_own_tables("probes");
    const std::string file = std::filesystem::path(of_.outage.path).filename();
    for (const auto& fault : of_.faults)
      add_one("faults", fault, of_.document.find("faults")->at, {}, fmt::format("{}, line {}", file, fault.at.line));
    for (const char* key : {"hypotheses", "guards", "events"})
      if (const Entry* tables = of_.own.find(key))
        for (const auto& table : tables->value.items) add_one(key, table, tables->at, {with, {}});
    return std::move(parts_);
  }

 private:
  void say(Diagnostic mistake) { mistakes_.push_back(std::move(mistake)); }
  void say_own(plan::SourcePlace at, std::string message, std::string hint) {
    say({at, std::move(message), std::move(hint), false, of_.bindings.with});
  }

  void add(const Node& from, const char* key, const std::string& file) {
    if (const Entry* entry = from.find(key)) parts_.add({key, "", false, entry->value, entry->at, {file, {}}});
  }
  /// One of [[key]].
  void add_one(const char* key, const Node& table, plan::SourcePlace at, From from, std::string comment = {}) {
    parts_.add({key, "", true, table, at, std::move(from), std::move(comment)});
  }

  /// It tells a bound run from the outage's own, wherever runs are listed.
  void add_title() {
    if (of_.own.find("title") != nullptr) return add(of_.own, "title", of_.bindings.with);
    const Entry* its = of_.document.find("title");
    Part title{"title", "", false, {}, its == nullptr ? plan::SourcePlace{1, 1} : its->at, {}};
    title.value.type = Node::Type::string;
    title.value.at = title.at;
    constexpr std::size_t kRoom = 500;  // a title has 1000 bytes
    std::string to = fmt::format("{}", fmt::join(of_.bindings.given, ", "));
    if (to.size() > kRoom) to = fmt::format("{} targets", of_.stands.size());
    for (auto at = to.find("${"); at != std::string::npos; at = to.find("${", at + 3)) to.insert(at, "$");
    title.value.text = fmt::format("{}, bound to {}", its == nullptr ? of_.outage.name : its->value.text, to);
    parts_.add(std::move(title));
  }

  /// Those that the faults use, with the values that their arm gives them; and the second file's own.
  void add_variables() {
    std::set<std::string> used;
    for (const auto& fault : of_.faults) add_references(fault, used);
    for (const auto& part : parts_.all())
      if (part.from.file.empty()) add_references(part.value, used);
    const Entry* vars = of_.document.find("vars");
    for (const auto& entry : vars == nullptr ? std::vector<Entry>() : vars->value.entries) {
      if (!used.contains(entry.key)) continue;
      Part part{"vars", entry.key, false, entry.value, entry.at, {}};
      choose_arm(part);
      parts_.add(std::move(part));
    }
    const Entry* others = of_.own.find("vars");
    for (const auto& entry : others == nullptr ? std::vector<Entry>() : others->value.entries) {
      if (used.contains(entry.key) && vars != nullptr && vars->value.find(entry.key) != nullptr)
        say_own(entry.at, fmt::format("vars.{}: the outage's faults have a variable of that name", entry.key),
                "choose another name");
      else
        parts_.add({"vars", entry.key, false, entry.value, entry.at, {of_.bindings.with, {}}});
    }
  }

  /// The value that the arm gives a variable. Without --arm all of them must give it the same.
  void choose_arm(Part& variable) {
    const Entry* arms = of_.document.find("arms");
    if (arms == nullptr) return;
    const auto value_in = [&](const std::string& arm) {
      const Entry* its = arms->value.find(arm);
      const Entry* value = its == nullptr ? nullptr : its->value.find(variable.name);
      return value == nullptr ? &variable.value : &value->value;
    };
    const Node* chosen = value_in(of_.outage.arm);
    if (of_.options.arm.empty())
      for (const auto& arm : of_.outage.arms)
        if (const Node* other = value_in(arm.name);
            other->text != chosen->text && !of_.options.variables.contains(variable.name))
          return say({other->at,
                      fmt::format("arms {} and {} differ in \"{}\", which the faults use", of_.outage.arm, arm.name,
                                  variable.name),
                      fmt::format("choose one with --arm {}", of_.outage.arm),
                      false,
                      {}});
    const Node value = *chosen;
    variable.value = value;
  }

  void add_targets() {
    for (const auto& stand : of_.stands) {
      Part part{"targets", stand.target, false, {}, {1, 1}, {"", "--bind " + stand.option}};
      std::vector<Diagnostic> syntax;
      std::string text;
      for (const auto& line : stand.lines) text += fmt::format("{} = {}\n", line.key, line.value);
      part.value = plan::read_document(text, syntax);
      for (const auto& mistake : syntax)
        say({{}, fmt::format("--bind {}: {}", stand.option, mistake.message), "", false, {}});
      parts_.add(std::move(part));
    }
    if (const Entry* targets = of_.document.find("targets"))
      for (const auto& entry : targets->value.entries)
        if (of_.cast.kept().contains(entry.key)) parts_.add({"targets", entry.key, false, entry.value, entry.at, {}});
    add_own_tables("targets");
  }

  /// [key.NAME] of the second file.
  void add_own_tables(const char* key) {
    const Entry* tables = of_.own.find(key);
    if (tables == nullptr) return;
    for (const auto& entry : tables->value.entries) {
      const auto& all = parts_.all();
      if (std::any_of(all.begin(), all.end(), [&](const Part& p) { return p.top == key && p.name == entry.key; }))
        say_own(entry.at, fmt::format("{}.{}: the outage uses this name", key, entry.key), "choose another name");
      else
        parts_.add({key, entry.key, false, entry.value, entry.at, {of_.bindings.with, {}}});
    }
  }

  const BoundSources& of_;
  std::vector<Diagnostic>& mistakes_;
  Parts parts_;
};

}  // namespace

Parts put_together(const BoundSources& sources, std::vector<Diagnostic>& mistakes) {
  return Assembly(sources, mistakes).put_together();
}

}  // namespace faultline::sketch
