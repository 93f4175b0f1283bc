#include "injector/plan/parse.h"

#include <fmt/format.h>

#include <filesystem>
#include <limits>

#include "injector/base/error.h"
#include "injector/base/file_text.h"
#include "injector/plan/origin.h"
#include "injector/plan/passes.h"
#include "injector/plan/rule_count.h"

namespace faultline::plan {
namespace {

void read_top(Table& top, Draft& draft) {
  if (auto title = top.text("title", "\"What this rehearses\"")) {
    draft.plan.title = *title;
    constexpr std::size_t kLongest = 1000;
    if (title->size() > kLongest)
      draft.issues.error(top.place("title"), "title is too long", fmt::format("at most {} bytes", kLongest));
  }
  if (auto seed = top.integer("seed", 0, std::numeric_limits<std::int64_t>::max())) {
    draft.plan.seed = static_cast<std::uint64_t>(*seed);
    draft.plan.seed_given = true;
  }
  if (draft.options.seed) {
    draft.plan.seed = *draft.options.seed;
    draft.plan.seed_given = true;
  }
  top.takes_timeline("duration", "\"60s\"");
  if (const Entry* duration = top.take("duration")) {
    draft.duration_at = duration->value.at;
    draft.duration = read_timeline(top, "duration", duration->value, draft.options);
    if (draft.duration && *draft.duration == 0) {
      draft.issues.error(duration->value.at, "duration: it must be longer than 0s",
                         "write duration = \"60s\", or leave it out");
      draft.duration.reset();
    }
  }
  if (auto tolerance = top.table("tolerance", "{ packets = \"0.1%\" }")) {
    Tolerance& limits = draft.plan.tolerance;
    limits.packets = tolerance->scalar("packets", "\"0.1%\"", read_probability).value_or(limits.packets);
    limits.of_loss = tolerance->scalar("of_loss", "\"10%\"", read_probability).value_or(limits.of_loss);
    tolerance->finish();
  }
  read_telemetry(top, draft);
  top.takes("vars", [] { return Form{.type = Form::Type::fields, .example = "{ bank = \"10.0.3.0/24\" }"}; });
  top.table("vars", "{ }");  // read before everything else, as are
  top.table("arms", "{ }");
}

}  // namespace

void read_plan(Table& top, Draft& draft) {
  read_top(top, draft);
  read_lab(top, draft);
  read_targets(top, draft);
  read_probes(top, draft);
  read_faults(top, draft);
  read_hypotheses(top, draft);
  read_guards(top, draft);
  read_events(top, draft);
}

Parsed parse_text(std::string text, const std::string& path, const ParseOptions& options) {
  Draft draft(options);
  Plan& plan = draft.plan;
  plan.path = path;
  plan.directory = std::filesystem::absolute(path.empty() ? "." : path).lexically_normal().parent_path().string();
  plan.name = std::filesystem::path(path).stem().string();
  if (auto origin = read_origin(path)) {
    plan.directory = std::move(origin->directory);
    plan.name = std::move(origin->name);
    draft.copies = std::move(origin->files);
  }
  plan.text = std::move(text);

  std::vector<Diagnostic> syntax;
  Node document = read_document(plan.text, syntax);
  if (!syntax.empty()) return {std::move(plan), std::move(syntax), {}};
  substitute_variables(document, draft);
  apply_settings(document, draft);
  Table top(document, {1, 1}, "the plan", draft.issues);
  read_plan(top, draft);
  top.finish();
  resolve_lab(draft);
  resolve_names(draft);
  resolve_events(draft);
  resolve_telemetry(draft);
  check_expectations(draft);
  lay_out_time(draft);
  check_detections(draft);
  check_values(draft);
  resolve_guards(draft);
  check_guard_errors(draft);
  if (draft.faults.empty() && draft.probes.empty() && draft.issues.count() == 0)
    draft.issues.error({1, 1}, "the plan has nothing to do", "add [[faults]], or probes as [probes.NAME]");
  if (draft.issues.count() == 0) count_rules(draft);

  for (auto& target : draft.targets) plan.targets.push_back(std::move(target.target));
  const auto secrets = plan.secret_values();
  for (auto& probe : draft.probes) {
    probe.probe.hidden = secrets;
    plan.probes.push_back(std::move(probe.probe));
  }
  for (auto& fault : draft.faults) plan.faults.push_back(std::move(fault.fault));
  for (auto& hypothesis : draft.hypotheses) plan.hypotheses.push_back(std::move(hypothesis.hypothesis));
  for (auto& event : draft.events) plan.events.push_back(std::move(event.event));
  for (auto& guard : draft.guards) plan.guards.push_back(std::move(guard.guard));
  if (draft.lab) plan.lab = std::move(draft.lab->lab);
  return {std::move(plan), draft.issues.take(), draft.issues.take_remarks()};
}

Parsed parse_file(const std::string& path, const ParseOptions& options) {
  std::string text;
  if (const std::string why = read_file(path, Readable::anything, text); !why.empty())
    throw Failure(Exit::invalid, fmt::format("cannot read plan {}: {}", path, why));
  return parse_text(std::move(text), path, options);
}

}  // namespace faultline::plan
