// tests/keys says of each key of a plan and each option of a command which tests would fail without it: a row for every
// key and option, a key or option for every row, and tests that exist. What there is, is asked of the catalogue of
// kinds, of the plan's parser, and of the command line's own definitions.
#include <gtest/gtest.h>
#include <CLI/CLI.hpp>

#include <algorithm>

#include "faults/kind.h"
#include "injector/cli/app.h"
#include "injector/cli/manual.h"
#include "injector/plan/parse.h"
#include "tests/unit/test_names.h"

namespace faultline::test {
namespace {

struct Row {
  std::vector<std::string> tests;
  std::string reason;  ///< why there is none: "- and why"
};

/// "degrade.delay" -> its row.
std::map<std::string, Row> rows() {
  std::map<std::string, Row> all;
  std::istringstream table(text_of(FAULTLINE_SOURCE_DIR "/tests/keys"));
  for (std::string line; std::getline(table, line);) {
    if (line.empty() || line[0] == '#') continue;
    const auto bar = line.find(" | ");
    EXPECT_NE(bar, std::string::npos) << line;
    if (bar == std::string::npos) continue;
    EXPECT_FALSE(all.contains(line.substr(0, bar))) << "two rows: " << line;
    Row& row = all[line.substr(0, bar)];
    const std::string rest = line.substr(bar + 3);
    if (rest.starts_with("- ")) {
      row.reason = rest.substr(2);
      continue;
    }
    std::istringstream names(rest);
    for (std::string name; names >> name;) row.tests.push_back(name);
    EXPECT_FALSE(row.tests.empty()) << "no test: " << line;
  }
  return all;
}

/// The keys that there are: the parser lists them when it meets an unknown one, of which `plan` has one.
std::vector<std::string> keys_beside(const std::string& plan) {
  for (const auto& mistake : plan::parse_text(plan, "keys.toml").diagnostics) {
    if (mistake.message.find("unknown key \"zzzzzzzz\"") == std::string::npos) continue;
    const std::string begin = "its keys are: ";
    EXPECT_TRUE(mistake.hint.starts_with(begin)) << mistake.hint;
    EXPECT_EQ(mistake.hint.find(" more"), std::string::npos) << "cut short: " << mistake.hint;
    EXPECT_EQ(mistake.hint.find(" ... "), std::string::npos) << "cut short: " << mistake.hint;
    std::vector<std::string> keys;
    std::istringstream words(mistake.hint.substr(std::min(begin.size(), mistake.hint.size())));
    for (std::string word; words >> word;) keys.push_back(word.ends_with(',') ? word.substr(0, word.size() - 1) : word);
    return keys;
  }
  ADD_FAILURE() << "no key was unknown in\n" << plan;
  return {};
}

/// "target.netns", "probe.expect.status", "degrade.delay".
std::set<std::string> plan_keys() {
  static const std::pair<const char*, const char*> kTables[] = {
      {"plan", "zzzzzzzz = 1\n"},
      {"time", "duration = { zzzzzzzz = 1 }\n"},
      {"target", "[targets.a]\nzzzzzzzz = 1\n"},
      {"probe", "[probes.p]\nicmp = \"a\"\nzzzzzzzz = 1\n"},
      {"probe.expect", "[probes.p]\nicmp = \"a\"\nexpect.zzzzzzzz = 1\n"},
      {"probe.tls", "[probes.p]\nicmp = \"a\"\ntls.zzzzzzzz = 1\n"},
      {"probe.will", "[probes.p]\nicmp = \"a\"\nwill.zzzzzzzz = 1\n"},
      {"fault", "[[faults]]\nkind = \"sever\"\nzzzzzzzz = 1\n"},
      {"tolerance", "[tolerance]\nzzzzzzzz = 1\n"},
      {"event", "[[events]]\nzzzzzzzz = 1\n"},
      {"hypothesis", "[[hypotheses]]\nzzzzzzzz = 1\n"},
      {"hypothesis.ok", "[[hypotheses]]\nok.zzzzzzzz = 1\n"},
      {"hypothesis.failed", "[[hypotheses]]\nfailed.zzzzzzzz = 1\n"},
      {"hypothesis.value", "[[hypotheses]]\nvalue.zzzzzzzz = 1\n"},
      {"hypothesis", "[[hypotheses]]\ntelemetry = \"a\"\nzzzzzzzz = 1\n"},
      {"guard", "[[guards]]\nzzzzzzzz = 1\n"},
      {"guard", "[[guards]]\ntelemetry = \"a\"\nzzzzzzzz = 1\n"},
      {"telemetry", "[telemetry]\nzzzzzzzz = 1\n"},
      {"guard.ok", "[[guards]]\nok.zzzzzzzz = 1\n"},
      {"guard.failed", "[[guards]]\nfailed.zzzzzzzz = 1\n"},
      {"guard.value", "[[guards]]\nvalue.zzzzzzzz = 1\n"},
      {"lab", "[lab]\nzzzzzzzz = 1\n"},
      {"host", "[lab.hosts.h]\nzzzzzzzz = 1\n"},
      {"host.ready", "[lab.hosts.h]\nready.zzzzzzzz = 1\n"},
      {"link", "[lab.links.l]\nzzzzzzzz = 1\n"},
  };
  std::set<std::string> keys;
  for (const auto& [table, plan] : kTables)
    for (const auto& key : keys_beside(plan)) keys.insert(table + ("." + key));
  for (const std::string list : {"hypotheses", "guards"})
    for (const std::string group : {"connections", "resets", "bytes", "packets", "rtt", "turns"})
      for (const auto& key : keys_beside("[[" + list + "]]\ntelemetry = \"a\"\n" + group + ".zzzzzzzz = 1\n"))
        keys.insert((list == "guards" ? "guard." : "hypothesis.") + group + "." + key);
  for (const auto& key : faults::find_kind("sever")->keys) EXPECT_EQ(keys.erase("fault." + std::string(key.name)), 1u);
  for (const auto& kind : faults::catalogue())
    for (const auto& key : kind.keys) keys.insert(std::string(kind.name) + "." + std::string(key.name));
  return keys;
}

/// "run --seed", "check PLAN"; the kinds of `inject` have theirs in common, but for what is made of their keys: "inject
/// KIND --KEY".
void add_options(const CLI::App& app, const std::string& command, std::set<std::string>& all) {
  const std::string before = command.empty() ? "faultline" : command;
  for (const auto& option : cli::options_of(app)) {
    const std::string name = option.names.empty() ? option.positional : option.names.back();
    if (name != "--help") all.insert(before + " " + (option.group == "The fault" ? "--KEY" : name));
  }
  for (const auto* sub : cli::commands_of(app))
    add_options(*sub,
                command.empty() ? sub->get_name() : command + " " + (command == "inject" ? "KIND" : sub->get_name()),
                all);
}

std::set<std::string> options() {
  CLI::App app;
  cli::Context context;
  cli::set_up(app, context);
  std::set<std::string> all;
  add_options(app, "", all);
  return all;
}

TEST(Keys, EveryKeyAndOptionHasARowAndEveryRowAKeyOrOption) {
  const auto table = rows();
  std::set<std::string> wanted = plan_keys();
  wanted.merge(options());
  for (const auto& name : wanted)
    EXPECT_TRUE(table.contains(name)) << "tests/keys needs a line, with the tests that fail when it does nothing:\n"
                                      << name << " | SUITE.TEST ...";
  for (const auto& [name, row] : table)
    EXPECT_TRUE(wanted.contains(name)) << "tests/keys has a row for something that is neither a key nor an option: "
                                       << name;
}

TEST(Keys, EveryTestThatARowNamesExists) {
  const auto all = suites();
  for (const auto& [key, row] : rows()) {
    for (const auto& test : row.tests) {
      const auto suite = all.find(test.substr(0, test.find('.')));
      EXPECT_TRUE(suite != all.end() && suite->second.tests.contains(test.substr(test.find('.') + 1)))
          << key << ": " << test;
    }
  }
}

TEST(Keys, FewHaveNoTestAndTheseSayWhy) {
  int without = 0;
  for (const auto& [key, row] : rows()) {
    if (!row.tests.empty()) continue;
    ++without;
    EXPECT_GE(std::count(row.reason.begin(), row.reason.end(), ' '), 3) << key << ": why has it no test?";
  }
  EXPECT_LT(without, 5);
}

}  // namespace
}  // namespace faultline::test
