// Values that are more than a word: profiles, point by point or from a file, and groups of targets.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <memory>

#include "faults/limits.h"
#include "injector/base/file_text.h"
#include "injector/plan/passes.h"
#include "injector/plan/samples_file.h"
#include "injector/plan/trace_file.h"

namespace faultline::plan {
namespace {

double duration_of(Table& point, std::string_view key, std::string_view example) {
  const auto value = point.scalar(key, example, read_duration);
  if (!value) return 0;
  if (*value > faults::kMaxHold)
    point.issues().error(point.take(key)->value.at, fmt::format("{}: {} is too long", key, format_duration(*value)),
                         fmt::format("at most {}", format_duration(faults::kMaxHold)));
  return static_cast<double>(*value);
}

}  // namespace

std::optional<faults::Profile> read_profile(Table& table, const faults::Key& key, const Node& value,
                                            const ParseOptions& options,
                                            std::map<std::string, SourcePlace, std::less<>>& places) {
  if (!table.expect(value, Node::Type::array, key.name, key.example)) return std::nullopt;
  faults::Profile profile;
  const std::size_t before = table.issues().count();
  for (const Node& item : value.items) {
    const std::string name = fmt::format("{}[{}]", key.name, profile.size());
    places.emplace(name, item.at);
    if (!table.expect(item, Node::Type::table, name, "{ at = \"10s\", delay = \"100ms\" }")) return std::nullopt;
    Table point(item, item.at, name, table.issues());
    faults::ProfilePoint p;
    point.require("at", "\"10s\"");
    if (const Entry* at = point.take("at")) p.at = read_timeline(point, "at", at->value, options).value_or(0);
    for (const auto& figure : faults::figures()) {
      double& into = p.*figure.value;
      switch (figure.unit) {
        case faults::Figure::Unit::time:
          into = duration_of(point, figure.name, "\"100ms\"");
          break;
        case faults::Figure::Unit::chance:
          into = point.scalar(figure.name, "\"5%\"", read_probability).value_or(0);
          break;
        case faults::Figure::Unit::rate:
          into = point.scalar(figure.name, "\"10mbit\"", read_rate).value_or(0);
          break;
      }
    }
    point.finish();
    profile.push_back(p);
  }
  if (table.issues().count() != before) return std::nullopt;
  return profile;
}

std::optional<std::vector<std::vector<Word>>> read_groups(Table& table, const faults::Key& key, const Node& value) {
  if (!table.expect(value, Node::Type::array, key.name, key.example)) return std::nullopt;
  std::vector<std::vector<Word>> groups;
  for (const Node& item : value.items) {
    if (!table.expect(item, Node::Type::array, key.name, key.example)) return std::nullopt;
    std::vector<Word> group;
    for (const Node& name : item.items) {
      if (!table.expect(name, Node::Type::string, key.name, key.example)) return std::nullopt;
      group.push_back({name.text, name.at});
    }
    if (group.empty()) {
      table.issues().error(item.at, fmt::format("{}: an array in it is empty", key.name),
                           fmt::format("write {} = {}", key.name, key.example));
      return std::nullopt;
    }
    groups.push_back(std::move(group));
  }
  return groups;
}

namespace {

/// The file that `value` names, relative to the plan, which keeps its text. Null when it cannot be read.
const InputFile* input_of(Table& table, const faults::Key& key, const Node& value, Draft& draft) {
  if (!table.expect(value, Node::Type::string, key.name, key.example)) return nullptr;
  const std::string& name = value.text;
  const std::string path = (std::filesystem::path(draft.plan.directory) / name).lexically_normal().string();
  auto& inputs = draft.plan.inputs;
  auto input = std::find_if(inputs.begin(), inputs.end(), [&](const InputFile& file) { return file.path == path; });
  if (input == inputs.end()) {
    InputFile file{path, {}};
    const auto& copies = draft.copies;
    const auto kept = copies.find(path);
    const std::string why =
        name.empty() ? "the name is empty"
                     : read_file(kept == copies.end() ? path : kept->second, Readable::regular_file, file.text);
    if (!why.empty()) {
      table.issues().error(value.at, fmt::format("{}: cannot read {}: {}", key.name, name.empty() ? "it" : path, why),
                           "names are relative to the plan's folder");
      return nullptr;
    }
    input = inputs.insert(inputs.end(), std::move(file));
  }
  return &*input;
}

}  // namespace

std::optional<faults::Trace> read_trace_file(Table& table, const faults::Key& key, const Node& value, Draft& draft) {
  const InputFile* input = input_of(table, key, value, draft);
  if (input == nullptr) return std::nullopt;
  auto points = read_trace(input->path, input->text, draft.options.scale.value_or(1), table.issues());
  if (!points) return std::nullopt;
  return faults::Trace{value.text, std::move(*points)};
}

std::optional<faults::Samples> read_samples_file(Table& table, const faults::Key& key, const Node& value,
                                                 Draft& draft) {
  const InputFile* input = input_of(table, key, value, draft);
  if (input == nullptr) return std::nullopt;
  auto deviations = read_samples(input->path, input->text, table.issues());
  if (!deviations) return std::nullopt;
  return faults::Samples{value.text, std::make_shared<const std::vector<double>>(std::move(*deviations))};
}

}  // namespace faultline::plan
