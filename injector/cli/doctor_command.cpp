#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "injector/base/visible_text.h"
#include "injector/cli/app.h"
#include "injector/cli/experiments.h"
#include "injector/cli/terminal.h"
#include "injector/doctor/doctor.h"

namespace faultline::cli {
namespace {

using doctor::Finding;
using doctor::State;

struct Word {
  const char *text, *style;
};

Word word_of(State state) {
  switch (state) {
    case State::ok:
      return {"ok", "32"};
    case State::weaker:
      return {"weaker", "33"};
    case State::missing:
      return {"missing", "31"};
    case State::unknown:
      break;
  }
  return {"unknown", "33"};
}

Visible row(const Finding& finding, const screen::Look& look) {
  constexpr int kTopic = 9, kText = 30;
  const Word word = word_of(finding.state);
  Visible line = beside(styled(look, word.style, fmt::format("{:<{}}", word.text, kTopic)) + finding.topic,
                        kTopic + screen::columns(finding.topic), finding.what, look.width, kText);
  if (!finding.help.empty() && finding.state != State::ok)
    line +=
        std::string(kText, ' ') + styled(look, "1", wrapped("-> " + finding.help, look.width, kText, kText + 3)) + "\n";
  return line;
}

Exit see_doctor(bool as_json) {
  const auto report = doctor::examine(doctor::gather(shipped_experiments()));
  const char* engine = report.engine == pen::Engine::tcx ? "tcx" : "clsact";
  if (as_json) {
    nlohmann::json out{{"can_run", report.can_run}, {"engine", engine}, {"findings", nlohmann::json::array()}};
    for (const auto& f : report.findings)
      out["findings"].push_back({{"topic", f.topic},
                                 {"state", word_of(f.state).text},
                                 {"what", f.what},
                                 {"help", f.help},
                                 {"needed", f.needed}});
    print_json(out);
  } else {
    const auto look = look_of_stdout();
    for (const auto& finding : report.findings) print(stdout, row(finding, look));
    print(stdout, shown("\n{}\n", report.can_run ? fmt::format("Faultline can run here (attaching by {}).", engine)
                                                 : "Faultline cannot run here yet: see what is missing."));
  }
  return report.can_run ? Exit::passed : Exit::cannot_run;
}

}  // namespace

void setup_doctor(CLI::App& app, Context& context) {
  auto json = std::make_shared<bool>(false);
  CLI::App* sub = app.add_subcommand("doctor", "Say what this machine allows, and what to do about the rest");
  sub->add_flag("--json", *json, "Print it as JSON");
  sub->footer(
      "With root it also tries: in namespaces of its own, which are gone when it ends.\nExit status: 0 a run is "
      "possible, 4 it is not.");
  sub->callback([json, &context] { context.chosen = [json] { return see_doctor(*json); }; });
}

}  // namespace faultline::cli
