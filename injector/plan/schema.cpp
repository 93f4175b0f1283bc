#include "injector/plan/schema.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <set>

#include "faults/kind.h"
#include "injector/plan/outline.h"
#include "injector/plan/plan.h"
#include "injector/plan/values.h"

namespace faultline::plan {
namespace {

using nlohmann::ordered_json;

/// `${name}` may stand in every text: what it becomes is not known here.
constexpr const char* kVariable = "\\$\\{";

ordered_json table_of(const Outline& outline);

ordered_json text_that_matches(const std::string& pattern) {
  ordered_json text{{"type", "string"}};
  if (!pattern.empty()) text["pattern"] = fmt::format("^({})$|{}", pattern, kVariable);
  return text;
}

ordered_json one_of_texts(const std::vector<std::string>& choices) {
  return {{"anyOf", {{{"enum", choices}}, {{"type", "string"}, {"pattern", kVariable}}}}};
}

ordered_json array_of(ordered_json items, std::size_t least = 0) {
  ordered_json array{{"type", "array"}, {"items", std::move(items)}};
  if (least > 0) array["minItems"] = least;
  return array;
}

ordered_json any_of(ordered_json first, ordered_json second) {
  return {{"anyOf", {std::move(first), std::move(second)}}};
}

ordered_json duration() { return text_that_matches(std::string(pattern_of(read_duration))); }

ordered_json timeline() {
  return any_of(duration(), {{"type", "object"},
                             {"properties", {{"true", duration()}, {"scaled", duration()}}},
                             {"required", {"true", "scaled"}},
                             {"additionalProperties", false}});
}

/// The array of a load.
ordered_json load(const std::string& rate) {
  return array_of({{"type", "object"},
                   {"properties", {{"at", timeline()}, {"rate", text_that_matches(rate)}}},
                   {"required", {"at", "rate"}},
                   {"additionalProperties", false}},
                  1);
}

/// The array of a profile.
ordered_json points() {
  ordered_json properties{{"at", timeline()}};
  for (const auto& figure : faults::figures()) {
    const auto reader_of = [&]() -> std::string_view {
      switch (figure.unit) {
        case faults::Figure::Unit::time:
          return pattern_of(read_duration);
        case faults::Figure::Unit::chance:
          return pattern_of(read_probability);
        case faults::Figure::Unit::rate:
          return pattern_of(read_rate);
      }
      return {};
    };
    properties[std::string(figure.name)] = text_that_matches(std::string(reader_of()));
  }
  return array_of({{"type", "object"},
                   {"properties", std::move(properties)},
                   {"required", {"at"}},
                   {"additionalProperties", false}});
}

ordered_json shape_of(const Form& form, const Outline* inner) {
  using Type = Form::Type;
  const ordered_json text{{"type", "string"}};
  const auto table = [&] { return inner ? table_of(*inner) : ordered_json{{"type", "object"}}; };
  switch (form.type) {
    case Type::text:
      return form.choices.empty() ? text_that_matches(form.pattern) : one_of_texts(form.choices);
    case Type::integer:
      return {{"type", "integer"}, {"minimum", form.min}, {"maximum", form.max}};
    case Type::boolean:
      return {{"type", "boolean"}};
    case Type::texts:
      return any_of(text, array_of(text, 1));
    case Type::command:
      return array_of(text, 1);
    case Type::fields:
      return {{"type", "object"}, {"additionalProperties", text}};
    case Type::timeline:
      return timeline();
    case Type::ports: {
      const ordered_json one =
          any_of({{"type", "integer"}, {"minimum", 1}, {"maximum", 65535}}, text_that_matches(form.pattern));
      return any_of(one, array_of(one, 1));
    }
    case Type::groups:
      return array_of(array_of(text, 1));
    case Type::points:
      return points();
    case Type::load:
      return load(form.pattern);
    case Type::table:
      return table();
    case Type::tables:
      return array_of(table());
  }
  return {};
}

/// `"250ms"` as a plan has it is the text 250ms. What is more than a text stays as it is written.
void add_examples(ordered_json& to, const std::vector<Form>& forms) {
  for (const auto& form : forms) {
    const std::string& example = form.example;
    if (!form.doc.empty() && !to.contains("description")) to["description"] = form.doc;
    if (form.type != Form::Type::text || example.size() < 2 || example.front() != '"') continue;
    const ordered_json text = example.substr(1, example.size() - 2);
    auto& examples = to["examples"];
    if (std::find(examples.begin(), examples.end(), text) == examples.end()) examples.push_back(text);
  }
}

ordered_json value_of(const Outline::Key& key) {
  std::vector<ordered_json> shapes;
  for (const auto& form : key.forms) {
    ordered_json shape = shape_of(form, key.inner.get());
    if (std::find(shapes.begin(), shapes.end(), shape) == shapes.end()) shapes.push_back(std::move(shape));
  }
  ordered_json value = ordered_json::object();
  if (shapes.size() == 1)
    value = std::move(shapes.front());
  else if (!shapes.empty())
    value["anyOf"] = std::move(shapes);
  add_examples(value, key.forms);
  return value;
}

ordered_json table_of(const Outline& outline) {
  ordered_json table{{"type", "object"}, {"additionalProperties", false}};
  for (const auto& [name, key] : outline.keys()) {
    if (name.empty())
      table["additionalProperties"] = key.inner && key.forms.empty() ? table_of(*key.inner) : value_of(key);
    else
      table["properties"][name] = value_of(key);
    if (!name.empty() && outline.requires_key(key)) table["required"].push_back(name);
  }
  return table;
}

std::string before_dot(std::string_view name) { return std::string(name.substr(0, name.find('.'))); }

std::string_view name_of(const faults::Kind& kind) { return kind.name; }
std::string_view name_of(const probe::Kind& kind) { return kind.name(); }

/// The tables of one array or group differ by their kind: where `kind` holds, the keys of all others are not taken.
template <class Kinds>
void add_kinds(ordered_json& table, const Kinds& kinds, ordered_json (*is_kind)(const std::string& name),
               bool subject_is_key) {
  std::set<std::string> of_kinds;
  for (const auto& kind : kinds)
    for (const auto& key : kind.keys) of_kinds.insert(before_dot(key.name));
  for (const auto& kind : kinds) {
    std::set<std::string> others = of_kinds;
    for (const auto& key : kind.keys) others.erase(before_dot(key.name));
    if (subject_is_key)
      for (const auto& other : kinds)
        if (&other != &kind) others.insert(std::string(name_of(other)));
    ordered_json then = ordered_json::object();
    for (const auto& other : others) then["properties"][other] = false;
    if (!then.empty()) table["allOf"].push_back({{"if", is_kind(std::string(name_of(kind)))}, {"then", then}});
  }
}

}  // namespace

ordered_json schema() {
  ordered_json all = table_of(outline());
  ordered_json schema{{"$schema", "http://json-schema.org/draft-07/schema#"},
                      {"title", "A Faultline plan"},
                      {"description", "What Faultline does to a network, and what is expected to hold meanwhile."}};
  for (auto& [key, value] : all.items()) schema[key] = std::move(value);
  ordered_json& properties = schema["properties"];
  const ordered_json text{{"type", "string"}};
  properties["arms"] = {{"type", "object"},
                        {"additionalProperties",
                         {{"type", "object"},
                          {"properties", {{"expect", any_of(text, array_of(text, 1))}}},
                          {"additionalProperties", text}}}};
  add_kinds(
      properties["faults"]["items"], faults::catalogue(),
      [](const std::string& name) -> ordered_json {
        return {{"properties", {{"kind", {{"const", name}}}}}, {"required", {"kind"}}};
      },
      false);
  ordered_json& probe = properties["probes"]["additionalProperties"];
  add_kinds(
      probe, probe::catalogue(),
      [](const std::string& name) -> ordered_json {
        return {{"required", {name}}};
      },
      true);
  for (const auto& kind : probe::catalogue()) probe["anyOf"].push_back({{"required", {kind.name()}}});
  // Whom it is about: a probe, or the connections of a target.
  for (const auto* list : {"hypotheses", "guards"})
    for (const auto* whom : {"probe", "telemetry"})
      properties[list]["items"]["oneOf"].push_back({{"required", {whom}}});
  // Or an event of the plan, or how soon a fault is noticed, by itself.
  const auto requires_one = [](const char* first, const char* second) -> ordered_json {
    return any_of({{"required", {first}}}, {{"required", {second}}});
  };
  ordered_json alone = requires_one("event", "detects_within");
  alone["not"] = requires_one("probe", "telemetry");
  properties["hypotheses"]["items"]["oneOf"].push_back(std::move(alone));
  return schema;
}

}  // namespace faultline::plan
