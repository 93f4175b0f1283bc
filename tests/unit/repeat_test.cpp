// What a record says of how to have the same run again, and of what its plan was given.
#include <CLI/CLI.hpp>
#include <algorithm>

#include "injector/base/secrets.h"
#include "injector/cli/words.h"
#include "injector/record/journal.h"
#include "injector/record/json_fields.h"
#include "injector/report/compare.h"
#include "injector/report/derive.h"
#include "injector/report/junit.h"
#include "injector/report/report.h"
#include "injector/report/summary.h"
#include "tests/unit/plan_support.h"
#include "tests/unit/record_fixture.h"

namespace faultline::record {
namespace {

using namespace testing;

plan::Plan plan_with(std::map<std::string, std::string> variables) {
  plan::Plan p;
  p.name = "test";
  p.seed = 5;
  p.duration = kSecond;
  p.variables = std::move(variables);
  return p;
}

report::Outcome recorded(const TemporaryFolder& folder, const plan::Plan& p, const events::Machine& machine) {
  Journal journal(folder.path());
  events::run(journal, p, machine);
  events::plan(journal, p);
  events::cleanup(journal, {});
  events::end(journal);
  journal.flush();
  return report::derive(folder.path());
}

TEST(Repeat, TheReportHasTheCommandAsAShellTakesIt) {
  const TemporaryFolder folder;
  events::Machine machine;
  machine.repeat = {"faultline", "run", "/srv/my plans/p.toml", "--var", "loss=25%", "--var", "who=<it's & me>",
                    "--seed",    "5"};
  const auto s = recorded(folder, plan_with({}), machine).summary;
  EXPECT_EQ(s.repeat, "faultline run '/srv/my plans/p.toml' --var loss=25% --var 'who=<it'\\''s & me>' --seed 5");
  const std::string page = folder.read("report.html");
  EXPECT_NE(page.find("<code class=\"command\">faultline run &#39;/srv/my plans/p.toml&#39; --var loss=25% --var "
                      "&#39;who=&lt;it&#39;\\&#39;&#39;s &amp; me&gt;&#39; --seed 5</code>"),
            std::string::npos)
      << page.substr(page.find("To play it again"));
  EXPECT_EQ(page.find("***"), std::string::npos);
}

TEST(Repeat, WhatIsMaskedIsSaid) {
  const TemporaryFolder folder;
  events::Machine machine;
  machine.repeat = {"faultline", "run", "p.toml", "--var", "password=***", "--seed", "5"};
  machine.masked = true;
  const auto s =
      recorded(folder, plan_with({{"loss", "25%"}, {"db_password", "x"}, {"url", "http://u:hunter2@h/"}}), machine)
          .summary;
  EXPECT_EQ(s.vars,
            (std::map<std::string, std::string>{{"db_password", "***"}, {"loss", "25%"}, {"url", "http://u:***@h/"}}));
  EXPECT_TRUE(s.repeat_masked);
  EXPECT_NE(folder.read("report.html").find("secrets are not recorded"), std::string::npos);
}

TEST(Repeat, SecretsAreKnownByTheirNamesAndPlaces) {
  for (const auto& [text, shown] :
       {std::pair{"password=hunter2", "password=***"}, std::pair{"--var=DB_PASSWORD=a=b", "--var=DB_PASSWORD=***"},
        std::pair{"--password=hunter2", "--password=***"}, std::pair{"--serve-token-file=f", "--serve-token-file=f"},
        std::pair{"api-key=k", "api-key=***"}, std::pair{"loss=25%", "loss=25%"},
        std::pair{"--scale=1:3", "--scale=1:3"}, std::pair{"--var", "--var"},
        std::pair{"db=postgresql://u:p@h/d", "db=postgresql://u:***@h/d"},
        std::pair{"PORT=1 PGPASSWORD=x psql", "PORT=1 PGPASSWORD=*** psql"},
        std::pair{"Authorization: Bearer x", "Authorization: ***"}, std::pair{"X-Api-Key: k", "X-Api-Key: ***"}})
    EXPECT_EQ(without_secrets(std::string(text)), shown);
  EXPECT_EQ(command_without_secrets({"curl", "-u", "bob:hunter2", "-p", "x"}), "curl -u bob:*** -p x");
  EXPECT_EQ(command_without_secrets({"HELLO", "3", "AUTH", "bob", "hunter2"}), "HELLO 3 AUTH *** ***");
  EXPECT_EQ(command_without_secrets({"run", "--var-file", "password=/run/pw", "--var", "password=x"}),
            "run --var-file password=/run/pw --var password=***");
  EXPECT_EQ(command_without_secrets({"run", "--var-file=password=/run/pw"}), "run --var-file=password=/run/pw");
  EXPECT_EQ(without_secrets(std::string("./x --of-file; TOKEN=y z")), "./x --of-file; TOKEN=***");
  EXPECT_EQ(command_without_secrets({"mysql", "--password", "hunter2", "--token-file", "f", "-e", "select 1"}),
            "mysql --password *** --token-file f -e select 1");
}

TEST(Repeat, AValueFromAFileIsNowhereInTheRecord) {
  const std::string text =
      "[vars]\nkey = \"none\"\n[probes.web]\nhttp = \"http://127.0.0.1/?of=${key}\"\nfrom = \"here\"\n[probes.db]\n"
      "exec = [\"ask\", \"--of\", \"${key}\"]\nfrom = \"here\"\n";
  auto parsed = plan::parse_text(text, "p.toml", {.variables = {{"key", "open-sesame"}}, .from_files = {"key"}});
  ASSERT_TRUE(parsed.ok()) << plan::render(parsed);
  EXPECT_EQ(parsed.plan.probes.at(0).subject(), "http://127.0.0.1/?of=open-sesame");
  const TemporaryFolder folder;
  {
    Journal journal(folder.path());
    events::run(journal, parsed.plan, {});
    events::plan(journal, parsed.plan);
    events::service(journal, "shop", "started", "serve --key open-sesame");
    journal.flush();
  }
  report::derive(folder.path());
  for (const char* name : {"journal.jsonl", "summary.json", "report.html", "junit.xml"}) {
    const std::string file = folder.read(name);
    EXPECT_FALSE(file.empty()) << name;
    EXPECT_EQ(file.find("open-sesame"), std::string::npos) << name;
  }
  EXPECT_NE(folder.read("journal.jsonl").find("serve --key ***"), std::string::npos);
}

TEST(Repeat, ACommandOfThePlanIsRecordedWithoutSecrets) {
  testing::TemporaryFolder folder;
  {
    Journal journal(folder.path());
    events::plan(journal,
                 plan::parse_good("[probes.db]\nexec = [\"mysql\", \"--password=hunter2\"]\nfrom = \"here\"\n"));
  }
  EXPECT_EQ(folder.read("journal.jsonl").find("hunter2"), std::string::npos);
}

TEST(Repeat, GivenWordsAreThoseOfTheCommandLine) {
  CLI::App app;
  std::string plan, seed, out;
  std::vector<std::string> variables;
  bool step = false, quiet = false;
  app.add_option("PLAN", plan);
  app.add_option("--seed", seed);
  app.add_option("--out", out);
  app.add_option("--var", variables)->allow_extra_args(false);
  app.add_flag("--step", step);
  app.add_flag("--quiet", quiet);
  std::vector<std::string> words{"--var=b=-2", "--var", "a=1", "--step", "x.toml", "--seed=7", "--out", "o"};
  std::reverse(words.begin(), words.end());  // as CLI11 takes them
  app.parse(words);
  EXPECT_EQ(cli::given_words(app, {"--seed", "--out", "--quiet"}),
            (std::vector<std::string>{"x.toml", "--var", "b=-2", "--var", "a=1", "--step"}));
}

TEST(Repeat, ADeviatedRecordSaysFirstWhatDidNotHold) {
  Recording r = good_recording();
  replace_requests(r, 12 * kSecond, 13 * kSecond, false, 0);
  const Verdict verdict = judge(r);
  const auto s = report::summarize(r, verdict);
  const std::string what =
      "payments keep working: probe pay during cut: expected success >= 99%, p99 <= 250ms, observed success 90.0% "
      "(450 of 500), p99 never (10.0% failed)";
  EXPECT_EQ(report::broken_hypotheses(s), std::vector<std::string>{what});
  const std::string terminal = report::render_outcome({verdict.exit, s}, "run", false).bytes();
  EXPECT_LT(terminal.find(" " + what), terminal.find("Hypotheses")) << terminal;
  const std::string page = report::render_report(r, s);
  EXPECT_LT(page.find("probe pay during cut: expected success &gt;= 99%"), page.find("<svg")) << page.substr(0, 4000);
  EXPECT_NE(report::junit_xml(s).find(
                "message=\"probe pay during cut: expected success >= 99%, p99 &lt;= 250ms, observed success 90.0%"),
            std::string::npos)
      << report::junit_xml(s);
}

TEST(Repeat, WithoutHypothesesNothingIsCalledPassed) {
  Recording r = good_recording();
  r.hypotheses.clear();
  const Verdict verdict = judge(r);
  const auto s = report::summarize(r, verdict);
  EXPECT_EQ(s.verdict, "completed");
  EXPECT_EQ(s.exit_code, 0);
  const std::string all = report::render_outcome({verdict.exit, s}, "run", false).bytes() + report::junit_xml(s) +
                          to_json(s).dump() + to_json(report::compare({{s, {}, {}, {}}}, {{s, {}, {}, {}}})).dump() +
                          report::render_comparison(report::compare({{s, {}, {}, {}}}, {{s, {}, {}, {}}})).bytes() +
                          report::render_report(r, s).substr(report::render_report(r, s).find("</style>"));
  EXPECT_NE(all.find("COMPLETED"), std::string::npos);
  for (const char* word : {"PASSED", "passed\"", ">passed<"}) EXPECT_EQ(all.find(word), std::string::npos) << word;
}

TEST(Repeat, WhatNeverCameIsShownEverywhere) {
  Recording r = good_recording();
  replace_requests(r, 12 * kSecond, 13 * kSecond, false, 200 * kMicrosecond);
  const auto s = report::summarize(r, judge(r));
  const auto& phase = s.probes.at(0).phases.at(1);
  ASSERT_EQ(phase.phase, "cut");
  EXPECT_EQ(phase.latency_ms.p50, 2.0);
  EXPECT_FALSE(phase.latency_ms.p99);
  EXPECT_EQ(phase.never, (std::vector<std::string>{"p99", "max"}));
  EXPECT_EQ(phase.ok_latency_ms.p99, 2.0);
  EXPECT_EQ(phase.failed_latency_ms.p99, 0.2);
  EXPECT_TRUE(s.probes.at(0).phases.at(0).never.empty());
  EXPECT_NE(report::render_report(r, s).find("<td class=\"n\" data-label=\"p99\">never</td>"), std::string::npos);
  const std::string compared = report::render_comparison(report::compare({{s, {}, {}, {}}}, {{s, {}, {}, {}}})).bytes();
  EXPECT_NE(compared.find("never"), std::string::npos) << compared;
  EXPECT_NE(compared.find("failed."), std::string::npos) << compared;
}

}  // namespace
}  // namespace faultline::record
