#include "injector/cli/mistakes.h"

#include <cstdio>
#include <nlohmann/json.hpp>

#include "injector/cli/terminal.h"

namespace faultline::cli {

nlohmann::json findings_json(const plan::Parsed& parsed, const std::string& path) {
  const auto told = [&](const plan::Diagnostic& d) {
    return nlohmann::json{
        {"file", d.file.empty() ? path : d.file}, {"line", d.at.line}, {"column", d.at.column}, {"message", d.message}};
  };
  nlohmann::json out{{"plan", path},
                     {"ok", parsed.ok()},
                     {"diagnostics", nlohmann::json::array()},
                     {"remarks", nlohmann::json::array()}};
  for (const auto& d : parsed.diagnostics) {
    auto& one = out["diagnostics"].emplace_back(told(d));
    one["hint"] = d.hint;
    one["not_yet"] = d.not_yet;
  }
  for (const auto& d : parsed.remarks) out["remarks"].push_back(told(d));
  if (parsed.ok()) {
    out["title"] = parsed.plan.title;
    out["duration_s"] = static_cast<double>(parsed.plan.duration) / kSecond;
    out["faults"] = parsed.plan.faults.size();
    out["probes"] = parsed.plan.probes.size();
    out["hypotheses"] = parsed.plan.hypotheses.size();
    out["arms"] = nlohmann::json::array();
    for (const auto& arm : parsed.plan.arms) out["arms"].push_back(arm.name);
  }
  return out;
}

Exit tell_mistakes(const plan::Parsed& parsed, bool json) {
  print(stderr, plan::render(parsed));
  if (json) {
    auto findings = findings_json(parsed, parsed.plan.path);
    findings["exit_code"] = static_cast<int>(Exit::invalid);
    print_json(findings);
  }
  return Exit::invalid;
}

}  // namespace faultline::cli
