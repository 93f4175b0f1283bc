#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "injector/base/error.h"
#include "tests/unit/plan_support.h"

namespace faultline::plan {
namespace {

std::string read_text(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

TEST(PlanParse, TopLevel) {
  const auto plan = parse_good("title = \"Shop\"\nseed = 20191205\n" + kSmall);
  EXPECT_EQ(plan.title, "Shop");
  EXPECT_EQ(plan.name, "shop");
  EXPECT_EQ(plan.path, "/plans/shop.toml");
  EXPECT_EQ(plan.directory, "/plans");
  EXPECT_EQ(plan.seed, 20191205u);
  EXPECT_TRUE(plan.seed_given);
  EXPECT_FALSE(parse_good(kSmall).seed_given);
  EXPECT_DOUBLE_EQ(plan.scale, 1);
  EXPECT_NE(plan.text.find("title = \"Shop\""), std::string::npos);
  ParseOptions options;
  options.seed = 7;
  EXPECT_EQ(parse_good("seed = 1\n" + kSmall, options).seed, 7u);
  EXPECT_TRUE(parse_good(kSmall, options).seed_given);
  only_mistake("seed = -1\n" + kSmall, "out of range");
  only_mistake("seed = \"x\"\n" + kSmall, "expected an integer");
  only_mistake("titel = \"x\"\n" + kSmall, "unknown key \"titel\"", "did you mean \"title\"?");
  only_mistake("", "nothing to do");
}

TEST(PlanParse, ToleranceIsTwoShares) {
  EXPECT_DOUBLE_EQ(parse_good(kSmall).tolerance.packets, 0.001);
  EXPECT_DOUBLE_EQ(parse_good(kSmall).tolerance.of_loss, 0.1);
  const auto plan = parse_good("tolerance = { packets = \"1%\", of_loss = \"0%\" }\n" + kSmall);
  EXPECT_DOUBLE_EQ(plan.tolerance.packets, 0.01);
  EXPECT_DOUBLE_EQ(plan.tolerance.of_loss, 0);
  EXPECT_DOUBLE_EQ(parse_good("tolerance.of_loss = \"5%\"\n" + kSmall).tolerance.packets, 0.001);
  only_mistake("tolerance = \"1%\"\n" + kSmall, "tolerance");
  only_mistake("tolerance.packets = 0.01\n" + kSmall, "packets");
  only_mistake("tolerance.packets = \"101%\"\n" + kSmall, "packets");
  only_mistake("tolerance.packet = \"1%\"\n" + kSmall, "unknown key \"packet\"", "did you mean \"packets\"?");
}

TEST(PlanParse, SyntaxErrorsAreAlone) {
  const auto mistake = only_mistake("title = \"x\"\nseed = = 3\nunknown = 1\n", "not valid TOML");
  EXPECT_EQ(mistake.at.line, 2u);
  EXPECT_EQ(mistake.at.column, 8u);
  only_mistake("title = 1\ntitle = 2\n", "not valid TOML");
}

TEST(PlanParse, Hostile) {
  only_mistake(std::string("title = \"a\0b\"\n", 14), "not valid TOML");
  only_mistake("title = \"\xff\"\n", "not valid TOML");
  only_mistake("title = \"a\\u0000b\"\n" + kSmall, "NUL");
  only_mistake("a = " + std::string(100'000, '['), "deep");
  std::string dotted = "a";
  for (int i = 0; i < 1'000'000; ++i) dotted += ".a";
  const auto deep = only_mistake("title = \"x.y\" # a.b\n" + dotted + " = 1\n", "parts");
  EXPECT_EQ(deep.at.line, 2u);
  only_mistake("[" + dotted + "]\n", "parts");
  only_mistake("x = {" + dotted + " = 1}\n", "parts");
  // Dots in strings and comments are no keys.
  const std::string dots(100, '.');
  parse_good("title = \"" + dots + "\\\"" + dots + "\" # " + dots + "\n" + kSmall);
  parse_good("title = '" + dots + "\\' # " + dots + "\n" + kSmall);
  parse_good("title = \"\"\"" + dots + "\n\"" + dots + "\"\"\"\n" + kSmall);
  parse_good("title = '''" + dots + "\n'" + dots + "'''\n" + kSmall);
  EXPECT_TRUE(parse("\xef\xbb\xbf" + kSmall).ok()) << "a byte order mark";
  std::string windows;
  for (const char c : kSmall) windows += c == '\n' ? std::string("\r\n") : std::string(1, c);
  EXPECT_TRUE(parse(windows).ok()) << "CR LF";
}

TEST(PlanParse, AHugePlanEnds) {
  std::string text;
  for (int i = 0; i < 3'000; ++i) {
    const auto n = std::to_string(i);
    text += "[targets.t" + n + "]\nnetns = \"n" + n + "\"\n[probes.p" + n + "]\nicmp = \"10.0.0.1\"\nfrom = \"t" + n +
            "\"\n";
    text += "[[faults]]\nkind = \"degrade\"\non = \"x" + n + "\"\nstart = \"1s\"\nfor = \"1s\"\ndelay = \"1ms\"\n";
  }
  const auto parsed = parse(text);
  EXPECT_EQ(parsed.diagnostics.size(), 3'000u);
  EXPECT_LT(render(parsed).size(), 250'000u);
}

TEST(PlanParse, FilesThatCannotBeRead) {
  const auto expect_invalid = [](const std::string& path, const std::string& why) {
    try {
      parse_file(path);
      ADD_FAILURE() << path << " was read";
    } catch (const Failure& failure) {
      EXPECT_EQ(failure.status(), Exit::invalid);
      EXPECT_NE(std::string(failure.what()).find(path), std::string::npos);
      EXPECT_NE(std::string(failure.what()).find(why), std::string::npos) << failure.what();
    }
  };
  expect_invalid("/nonexistent/plan.toml", "No such file");
  expect_invalid(std::filesystem::temp_directory_path().string(), "directory");
  expect_invalid("/dev/zero", "larger than 64 MB");
}

// ---- variables ----

TEST(PlanVariables, AreReplacedInEveryString) {
  const std::string text =
      "[vars]\nrate = \"50ms\"\nns = \"shop\"\nwhere = \"${plan_dir}/x\"\n[targets.t]\nnetns = "
      "\"${ns}\"\n[probes.p]\nexec = [\"${where}\", \"$${rate}\", \"a${ns}b${ns}\", \"$5\"]\n"
      "every = \"${rate}\"\n";
  const auto plan = parse_good(text);
  EXPECT_EQ(plan.find_target("t")->subject, "shop");
  EXPECT_EQ(plan.probes[0].command(), (std::vector<std::string>{"/plans/x", "${rate}", "ashopbshop", "$5"}));
  EXPECT_EQ(plan.probes[0].every, 50 * kMillisecond);
  ParseOptions options;
  options.variables = {{"rate", "70ms"}};
  EXPECT_EQ(parse_good(text, options).probes[0].every, 70 * kMillisecond);
}

/// Beside the tests' own binary, as it is beside a build folder's faultline.
TEST(PlanVariables, ProgramsThatComeWithFaultlineHaveAFolder) {
  const auto plan = parse_good("[probes.p]\nexec = [\"${libexec_dir}/payment/ledger\", \"audit\"]\n");
  const std::string program = plan.probes[0].command()[0];
  EXPECT_TRUE(program.ends_with("libexec/payment/ledger") || program.ends_with("libexec/faultline/payment/ledger"))
      << program;
  EXPECT_TRUE(program.starts_with("/")) << program;
}

TEST(PlanVariables, Mistakes) {
  const auto unknown = only_mistake("title = \"x ${rats}\"\n[vars]\nrate = \"1\"\n" + kSmall,
                                    "unknown variable \"rats\"", "did you mean \"rate\"?");
  EXPECT_EQ(unknown.at.line, 1u);
  EXPECT_EQ(unknown.at.column, 9u);
  only_mistake("title = \"${a\"\n" + kSmall, "never closed");
  only_mistake("[vars]\nrate = 5\n" + kSmall, "vars.rate: expected a string");
  only_mistake("[vars]\na = \"${b}\"\nb = \"\"\n" + kSmall, "unknown variable \"b\"");
  only_mistake("[vars]\nplan_dir = \"x\"\n" + kSmall, "given by Faultline");
  only_mistake("[vars]\nlibexec_dir = \"x\"\n" + kSmall, "given by Faultline");
  only_mistake("vars = 1\n" + kSmall, "expected a table");
  ParseOptions options;
  options.variables = {{"rats", "1"}};
  const auto option = only_mistake("[vars]\nrate = \"1\"\n" + kSmall, "--var rats", "did you mean \"rate\"?", options);
  EXPECT_EQ(option.at.line, 0u);
  // A value put in many times must not fill the memory.
  options.variables = {{"a", std::string(8 << 20, 'x')}};
  EXPECT_TRUE(has_mistake(
      parse("title = \"${a}\"\n[vars]\na = \"\"\n[probes]\np.icmp = \"${a}${a}${a}${a}${a}${a}${a}${a}\"\n", options),
      "more than 64 MB"));
}

// ---- targets ----

TEST(PlanTargets, ReadsEveryWay) {
  const auto plan = parse_good(
      "[targets.a]\nnetns = \"/proc/1/ns/net\"\nprotocol = \"tcp\"\nport = 443\n[targets.b]\naddress = "
      "[\"10.0.3.7/24\", \"fd00::1\", \"fd00::1/64\", \"0.0.0.0/0\"]\n"
      "port = [80, \"8000-8080,9\"]\n[targets.c]\nprotocol = \"icmp\"\n[probes.p]\nicmp = \"::1\"\n");
  const auto& a = *plan.find_target("a");
  EXPECT_EQ(a.where, Target::Where::netns);
  EXPECT_EQ(a.subject, "/proc/1/ns/net");
  EXPECT_EQ(a.protocol, "tcp");
  EXPECT_EQ(a.ports, (std::vector<PortRange>{{443, 443}}));
  const auto& b = *plan.find_target("b");
  EXPECT_EQ(b.where, Target::Where::none);
  EXPECT_EQ(b.addresses, (std::vector<std::string>{"10.0.3.0/24", "fd00::1", "fd00::/64", "0.0.0.0/0"}));
  EXPECT_EQ(b.ports, (std::vector<PortRange>{{80, 80}, {8000, 8080}, {9, 9}}));
  EXPECT_EQ(plan.find_target("c")->where, Target::Where::none);
}

TEST(PlanTargets, Mistakes) {
  only_mistake("[targets.a]\n" + kSmall, "nothing to find it by");
  only_mistake("[targets.a]\nnetns = \"x\"\naddress = \"::1\"\n[probes.q]\nicmp = \"::1\"\n",
               "both \"netns\" and \"address\"", "make two targets");
  only_mistake("[targets.here]\naddress = \"::1\"\n" + kSmall, "\"here\" cannot name");
  for (const char* bad : {"10.0.0.300", "10.0.0.0/33", "10.0.0.0/", "fd00::/129", "::1::2", "", "fe80::1%eth0",
                          "10.0.0.0/+8", "bank.internal/8"})
    EXPECT_FALSE(
        only_mistake(std::string("[targets.a]\naddress = \"") + bad + "\"\n" + kSmall, "is not an IP address").not_yet);
  only_mistake("[targets.a]\naddress = \"::1\"\nport = 0\n" + kSmall, "not a port");
  only_mistake("[targets.a]\naddress = \"::1\"\nport = \"9-8\"\n" + kSmall, "runs backwards");
  only_mistake("[targets.a]\naddress = \"::1\"\nport = []\n" + kSmall, "array is empty");
  only_mistake("[targets.a]\naddress = \"::1\"\nport = true\n" + kSmall, "port: expected a string");
  only_mistake("[targets.a]\naddress = \"::1\"\nprotocol = \"TCP\"\n" + kSmall, "unknown protocol", "\"tcp\"");
  only_mistake("[targets.a]\naddress = \"::1\"\nprotocol = \"icmp\"\nport = 1\n" + kSmall, "icmp has no ports");
  only_mistake("[targets.a]\nadress = \"::1\"\n" + kSmall, "unknown key \"adress\"", "\"address\"");
  only_mistake(
      "[targets.a]\naddress = \"::1\"\n[targets.b]\nnetns = \"run/x\"\n[probes.q]\nicmp = \"::1\"\nfrom = \"here\"\n",
      "neither a name nor an absolute path");
}

// ---- all mistakes, and how they look ----

TEST(PlanParse, FiftyMistakesAreFifty) {
  std::string text = "[targets.shop]\nnetns = \"shop\"\n[probes.pay]\nicmp = \"10.0.0.1\"\n";
  std::uint32_t line = 4;
  std::vector<std::uint32_t> expected;
  const std::vector<std::string> wrong{"delay = \"200\"", "loss = \"0.1\"", "jitter = 5", "dellay = \"1ms\"",
                                       "direction = \"up\""};
  for (int i = 0; i < 10; ++i) {
    text += "[[faults]]\nkind = \"degrade\"\non = \"shop\"\nstart = \"1s\"\nfor = \"1s\"\n";
    line += 5;
    for (const auto& each : wrong) {
      text += each + "\n";
      expected.push_back(++line);
    }
  }
  const auto parsed = parse(text);
  std::vector<std::uint32_t> lines;
  for (const auto& d : parsed.diagnostics) {
    lines.push_back(d.at.line);
    EXPECT_FALSE(d.hint.empty()) << d.message;
  }
  EXPECT_EQ(lines, expected);
  EXPECT_EQ(expected.size(), 50u);
  EXPECT_NE(render(parsed).find("50 mistakes in /plans/shop.toml\n"), std::string::npos);
}

TEST(PlanRender, ShowsTheLineAndACaret) {
  EXPECT_EQ(render(parse("[probes.p]\n\ticmp = \"a\"\n\tevry = \"1s\"\n")),
            "/plans/shop.toml:3:2: error: unknown key \"evry\" in probe \"p\"\n"
            "    \tevry = \"1s\"\n"
            "    \t^\n"
            "    hint: did you mean \"every\"?\n"
            "1 mistake in /plans/shop.toml\n");
  EXPECT_EQ(render(parse(kSmall)), "");
}

TEST(PlanRender, CountsCharactersAndObeysNothing) {
  const auto text = render(parse("title = [\"\u00e4\u00f6\u00fc\", 1]\n" + kSmall));
  EXPECT_NE(text.find("    title = [\"\u00e4\u00f6\u00fc\", 1]\n            ^\n"), std::string::npos) << text;
  const auto escape = render(parse("title = \"\\u001b[2J\"\nprobes.\"\\u001b[2J\".icmp = \"a\"\n"));
  EXPECT_EQ(escape.find('\x1b'), std::string::npos);
  const auto raw = render(parse("title = \"\x1b[2J\"\n"));
  EXPECT_EQ(raw.find('\x1b'), std::string::npos);
}

TEST(PlanRender, LongLinesAreCutAroundTheCaret) {
  const auto text = render(parse("x = [" + std::string(100'000, ' ') + "1]\ny = { a = \"" + std::string(100'000, 'z') +
                                 "\", b = [ }\n" + kSmall));
  EXPECT_LT(text.size(), 2000u);
  ParseOptions options;
  options.variables = {{"v", "1"}};
  EXPECT_NE(render(parse(kSmall, options)).find("/plans/shop.toml: error: --var v"), std::string::npos);
}

// ---- what we document (what we ship: experiments_test.cpp) ----

TEST(PlanDocumented, EveryCompletePlanInTheReferenceParses) {
  const auto text = read_text(std::filesystem::path(FAULTLINE_SOURCE_DIR) / "docs/plan.md");
  int found = 0;
  for (std::size_t at = 0; (at = text.find("```toml\n", at)) != std::string::npos;) {
    at += 8;
    const auto end = text.find("```", at);
    ASSERT_NE(end, std::string::npos);
    const auto parsed = parse_text(text.substr(at, end - at), "docs/plan.md");
    EXPECT_TRUE(parsed.ok()) << render(parsed);
    ++found;
    at = end;
  }
  EXPECT_GE(found, 2);
}

TEST(PlanDocumented, TheReferenceNamesEveryKeyOfEveryFault) {
  const auto text = read_text(std::filesystem::path(FAULTLINE_SOURCE_DIR) / "docs/plan.md");
  for (const auto& kind : faults::catalogue()) {
    EXPECT_NE(text.find("`" + std::string(kind.name) + "`"), std::string::npos) << kind.name;
    for (const auto& key : kind.keys)
      EXPECT_NE(text.find("`" + std::string(key.name) + "`"), std::string::npos) << kind.name << " " << key.name;
  }
}

}  // namespace
}  // namespace faultline::plan
