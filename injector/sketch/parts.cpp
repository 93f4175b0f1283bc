#include "injector/sketch/parts.h"

#include <fmt/format.h>

#include <algorithm>

#include "injector/sketch/node_text.h"
#include "injector/sketch/sketch.h"

namespace faultline::sketch {
namespace {

std::vector<Line> lines_of(const plan::Node& table) {
  std::vector<Line> lines;
  for (const auto& entry : table.entries) lines.push_back({toml_key(entry.key), toml_of(entry.value)});
  return lines;
}

}  // namespace

std::string Parts::write(const std::string& comment) const {
  Sketch plan;
  plan.tables.push_back({"", comment, {}});
  std::string open;  // the table of names whose entries are no tables: [vars]
  for (const auto& part : parts_) {
    if (part.of_array) {
      plan.tables.push_back({fmt::format("[[{}]]", toml_key(part.top)), part.comment, lines_of(part.value)});
    } else if (part.name.empty()) {
      plan.tables.front().lines.push_back({toml_key(part.top), toml_of(part.value)});
    } else if (part.value.type == plan::Node::Type::table) {
      plan.tables.push_back(
          {fmt::format("[{}.{}]", toml_key(part.top), toml_key(part.name)), part.comment, lines_of(part.value)});
    } else {
      if (open != part.top) plan.tables.push_back({fmt::format("[{}]", toml_key(part.top)), part.comment, {}});
      plan.tables.back().lines.push_back({toml_key(part.name), toml_of(part.value)});
    }
    open = part.top;
  }
  return plan.write();
}

Parts::Origins::Origins(const Parts& parts, const std::string& text) {
  std::vector<plan::Diagnostic> mistakes;
  const plan::Node whole = plan::read_document(text, mistakes);
  std::map<std::string, std::size_t> next;  // of each array
  for (const auto& part : parts.all()) {
    const plan::Entry* top = whole.find(part.top);
    if (top == nullptr) continue;
    for (const auto& [line, column] : {top->at, top->value.at})
      origins_.emplace(Position{line, column}, Origin{part.at, &part.from});
    const plan::Node* made = &top->value;
    if (part.of_array) {
      std::size_t& index = next[part.top];
      if (index >= top->value.items.size()) continue;
      made = &top->value.items[index++];
    } else if (!part.name.empty()) {
      const plan::Entry* entry = top->value.find(part.name);
      if (entry == nullptr) continue;
      note(entry->at, part.at, part.from);
      made = &entry->value;
    }
    note(*made, part.value, part.from);
  }
}

void Parts::Origins::note(plan::SourcePlace made, plan::SourcePlace at, const From& from) {
  origins_.insert_or_assign({made.line, made.column}, Origin{at, &from});
}

/// The two have the same shape.
void Parts::Origins::note(const plan::Node& made, const plan::Node& part, const From& from) {
  note(made.at, part.at, from);
  for (std::size_t i = 0; i < std::min(made.items.size(), part.items.size()); i++)
    note(made.items[i], part.items[i], from);
  for (std::size_t i = 0; i < std::min(made.entries.size(), part.entries.size()); i++) {
    note(made.entries[i].at, part.entries[i].at, from);
    note(made.entries[i].value, part.entries[i].value, from);
  }
}

void Parts::Origins::lead_back(plan::SourcePlace& at, From& from) const {
  if (at.line == 0) return;
  auto found = origins_.upper_bound({at.line, at.column});
  const bool known = found != origins_.begin() && (--found)->first.first == at.line;
  at = known ? found->second.at : plan::SourcePlace{1, 1};
  if (known) from = *found->second.from;
}

void Parts::Origins::lead_back(plan::Diagnostic& diagnostic) const {
  if (!diagnostic.file.empty()) return;  // in a file that the plan names
  From from;
  lead_back(diagnostic.at, from);
  diagnostic.file = from.file;
  if (from.option.empty()) return;
  diagnostic.at = {};
  diagnostic.message = from.option + ": " + diagnostic.message;
}

}  // namespace faultline::sketch
