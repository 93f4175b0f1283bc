#include "injector/plan/outline.h"

#include <fmt/format.h>

#include <algorithm>

#include "injector/plan/passes.h"

namespace faultline::plan {
namespace {

/// A table for each kind of fault and of probe, so that the keys of each are asked for; of everything else Table makes
/// up a blank one.
std::string plan_of_every_kind() {
  std::string text;
  for (const auto& kind : faults::catalogue()) text += fmt::format("[[faults]]\nkind = \"{}\"\n", kind.name);
  for (const auto& kind : probe::catalogue())
    text += fmt::format("[probes.{0}]\n{0} = {1}\n", kind.name(), kind.subject.example);
  return text;
}

Outline make_outline() {
  Outline outline;
  std::vector<Diagnostic> none;
  const Node document = read_document(plan_of_every_kind(), none);
  const ParseOptions options;
  Draft draft(options);
  draft.issues.describe(document, outline);
  Table top(document, {}, "the plan", draft.issues);
  read_plan(top, draft);
  return outline;
}

}  // namespace

Outline::Key& Outline::find(std::string_view key) {
  auto it = keys_.find(key);
  if (it == keys_.end()) it = keys_.emplace(key, Key{}).first;
  return it->second;
}

void Outline::add_form(std::string_view key, Form form) {
  auto& forms = find(key).forms;
  if (std::find(forms.begin(), forms.end(), form) == forms.end()) forms.push_back(std::move(form));
}

Outline& Outline::inner(std::string_view key) {
  auto& inner = find(key).inner;
  if (!inner) inner = std::make_unique<Outline>();
  return *inner;
}

const Outline* Outline::named() const {
  const auto it = keys_.find({});
  return it == keys_.end() ? nullptr : it->second.inner.get();
}

const Outline& outline() {
  static const Outline made = make_outline();
  return made;
}

}  // namespace faultline::plan
