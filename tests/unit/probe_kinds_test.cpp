// What holds for every probe kind, present and future: a table without gaps, whose examples and defaults are what it
// says, which docs/probes.md shows, and from which the command line is made.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>
#include <set>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "injector/plan/parse.h"
#include "injector/probe/errors.h"
#include "injector/probe/kind.h"
#include "injector/probe/library.h"
#include "tests/unit/say.h"

namespace faultline::probe {
namespace {

// A forgotten entry does not compile.
template <class K>
concept compiles_without_doc = requires {
  K{.name = "key", .type = ValueType::text, .example = "\"x\""};
};
template <class K>
concept compiles_without_type = requires {
  K{.name = "key", .doc = "A text.", .example = "\"x\""};
};
template <class K>
concept compiles_without_example = requires {
  K{.name = "key", .type = ValueType::text, .doc = "A text."};
};
template <class K>
concept compiles_whole = requires {
  K{.name = "key", .type = ValueType::text, .doc = "A text.", .example = "\"x\""};
};
static_assert(compiles_whole<Key>);
static_assert(!compiles_without_doc<Key> && !compiles_without_type<Key> && !compiles_without_example<Key>);
template <class K>
concept kind_compiles_without_maker = requires(const Key& key) {
  K{.subject = key, .keys = {}, .request = "", .option = "", .value = ""};
};
template <class K>
concept kind_compiles_without_option = requires(const K& kind) {
  K{.subject = kind.subject, .keys = {}, .request = "", .value = "", .make = kind.make};
};
static_assert(!kind_compiles_without_maker<Kind> && !kind_compiles_without_option<Kind>);

std::string file(const std::string& path) {
  std::ifstream stream(FAULTLINE_SOURCE_DIR "/" + path);
  EXPECT_TRUE(stream) << path;
  std::stringstream text;
  text << stream.rdbuf();
  return text.str();
}

std::string plan_of(const Kind& kind, const std::string& more = "") {
  return fmt::format("[probes.p]\n{} = {}\n{}", kind.name(), kind.subject.example, more);
}

/// A line for the key, and for one that has to stand beside it.
std::string line_of(const Kind& kind, const Key& key) {
  static const std::map<std::string_view, std::string_view> kBeside{
      {"tls.key", "tls.certificate"}, {"password", "username"}, {"will.message", "will.topic"}};
  std::string lines = fmt::format("{} = {}\n", key.name, key.example);
  if (const auto beside = kBeside.find(key.name); beside != kBeside.end())
    lines += fmt::format("{} = {}\n", beside->second, kind.find(beside->second)->example);
  return lines;
}

plan::Probe parsed(const std::string& text) {
  const auto result = plan::parse_text(text, "kinds.toml");
  EXPECT_TRUE(result.ok()) << plan::render(result);
  return result.plan.probes.empty() ? plan::Probe{} : result.plan.probes[0];
}

}  // namespace

TEST(ProbeKinds, AreFilesOfTheirNames) {
  std::vector<std::string_view> names;
  for (const Kind& kind : catalogue()) {
    names.push_back(kind.name());
    EXPECT_EQ(find_kind(kind.name()), &kind);
    EXPECT_NE(
        file(fmt::format("injector/probe/{}.cpp", kind.name())).find(fmt::format("Kind kinds::{}()", kind.name())),
        std::string::npos);
  }
  EXPECT_EQ(names, (std::vector<std::string_view>{"http", "grpc", "tcp", "icmp", "dns", "redis", "postgresql", "mysql",
                                                  "mqtt", "kafka", "prometheus", "exec"}));
  EXPECT_EQ(find_kind("gopher"), nullptr);
}

TEST(ProbeKinds, EveryKeyIsDocumentedAndConsistent) {
  for (const Kind& kind : catalogue()) {
    EXPECT_FALSE(kind.subject.fallback) << "what is asked has no default";
    EXPECT_TRUE(kind.behind_at.empty() || kind.find(kind.behind_at) != nullptr);
    std::vector<Key> all = kind.keys;
    all.push_back(kind.subject);
    for (const Key& key : all) {
      SCOPED_TRACE(std::string(kind.name()) + "." + std::string(key.name));
      EXPECT_TRUE(key.doc.ends_with('.'));
      for (const char* common : {"every", "timeout", "start", "for", "from", "expect"})
        EXPECT_NE(key.name, common) << "every probe has that key";
      EXPECT_EQ(find_kind(key.name), key.name == kind.name() ? &kind : nullptr) << "the key names a kind";
      EXPECT_EQ(key.type == ValueType::choice, !key.choices.empty());
      EXPECT_EQ(key.type == ValueType::integer, key.min < key.max);
      EXPECT_TRUE(key.type == ValueType::text || key.read == nullptr);
      if (&key != &all.back()) {
        EXPECT_NE(key.fallback.has_value(), !key.otherwise.empty()) << "what holds without it?";
      }
      EXPECT_EQ(std::count_if(all.begin(), all.end(), [&](const Key& k) { return k.name == key.name; }), 1);
      for (const Kind& other : catalogue())
        if (const Key* shared = other.find(key.name)) {
          EXPECT_TRUE(shared->type == key.type) << "another type in " << other.name();
        }
    }
  }
}

TEST(ProbeKinds, ExamplesParseAndAreKept) {
  for (const Kind& kind : catalogue()) {
    if (lacking(kind) != nullptr) continue;
    const auto plain = parsed(plan_of(kind));
    ASSERT_EQ(plain.kind, &kind);
    EXPECT_TRUE(plain.params.has(kind.name()));
    EXPECT_FALSE(plain.shown().empty());
    EXPECT_EQ(plain.subject().empty(), kind.runs_program());
    EXPECT_EQ(plain.program().empty(), !kind.runs_program());
    for (const Key& key : kind.keys) {
      SCOPED_TRACE(std::string(kind.name()) + "." + std::string(key.name));
      EXPECT_EQ(plain.params.has(key.name), key.fallback.has_value());
      EXPECT_TRUE(parsed(plan_of(kind, line_of(kind, key))).params.has(key.name));
    }
  }
}

TEST(ProbeKinds, DefaultsAreWrittenAsAPlanHasThem) {
  for (const Kind& kind : catalogue()) {
    if (lacking(kind) != nullptr) continue;
    std::string all;
    for (const Key& key : kind.keys)
      if (key.fallback) all += fmt::format("{} = {}\n", key.name, written(*key.fallback));
    EXPECT_TRUE(parsed(plan_of(kind, all)).params == parsed(plan_of(kind)).params) << kind.name() << "\n" << all;
  }
  EXPECT_EQ(written(Fields{{"A", "b\"c"}}), "{ A = \"b\\\"c\" }");
}

// A key that its kind declares and never asks for does nothing. What kinds have in common has a file of its own.
TEST(ProbeKinds, EveryKeyIsUsedWhereItIsDeclared) {
  for (const Kind& kind : catalogue()) {
    if (lacking(kind) != nullptr) continue;
    auto text = file(fmt::format("injector/probe/{}.cpp", kind.name()));
    if (text.find("read_tls(") != std::string::npos) text += file("injector/probe/tls.cpp");
    for (const Key& key : kind.keys)
      EXPECT_NE(text.find(fmt::format("(\"{}\")", key.name)), std::string::npos) << kind.name() << " " << key.name;
  }
}

TEST(ProbeKinds, KeysOfOtherKindsAreRefusedByName) {
  for (const Kind& kind : catalogue()) {
    if (lacking(kind) != nullptr) continue;
    for (const Kind& other : catalogue()) {
      for (const Key& key : other.keys) {
        if (kind.find(key.name) != nullptr) continue;
        const auto result = plan::parse_text(plan_of(kind, fmt::format("{} = {}\n", key.name, key.example)), "k.toml");
        ASSERT_EQ(result.diagnostics.size(), 1u) << plan::render(result);
        EXPECT_EQ(result.diagnostics[0].message, fmt::format("\"{}\" is not for {} probes", key.name, kind.name()));
        EXPECT_NE(result.diagnostics[0].hint.find(std::string(other.name())), std::string::npos);
      }
    }
  }
}

// The rows of the reference cannot drift from the code.
TEST(ProbeKinds, EachHasItsSectionWithEveryKey) {
  const std::string page = file("docs/probes.md");
  for (const Kind& kind : catalogue()) {
    const auto begin = page.find(fmt::format("\n### {}\n", kind.name()));
    ASSERT_NE(begin, std::string::npos) << kind.name();
    const std::string section = page.substr(begin, page.find("\n## ", begin) - begin);
    const std::string own = section.substr(0, section.find("\n### ", 1));
    std::vector<Key> all = kind.keys;
    all.insert(all.begin(), kind.subject);
    for (const Key& key : all) {
      SCOPED_TRACE(fmt::format("docs/probes.md, {}: {}", kind.name(), key.name));
      const auto row = own.find(fmt::format("\n| `{}` |", key.name));
      ASSERT_NE(row, std::string::npos);
      const std::string line = own.substr(row + 1, own.find('\n', row + 1) - row - 1);
      const std::string standard = key.name == kind.name() ? "| required |"
                                   : key.fallback          ? fmt::format("| `{}` |", written(*key.fallback))
                                                           : fmt::format("| {} |", key.otherwise);
      EXPECT_NE(line.find(standard), std::string::npos) << line;
      EXPECT_NE(line.find(fmt::format("| `{}` |", key.example)), std::string::npos) << line;
    }
  }
}

/// The first column of "## Errors": `a`, `b`, … are names each.
std::set<std::string> documented_errors() {
  const std::string page = file("docs/probes.md");
  std::istringstream lines(page.substr(page.find("\n## Errors\n")));
  std::set<std::string> names;
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("| `")) continue;
    const std::string cell = line.substr(0, line.find(" | "));
    for (auto at = cell.find('`'); at != std::string::npos;) {
      const auto end = cell.find('`', at + 1);
      names.insert(cell.substr(at + 1, end - at - 1));
      at = cell.find('`', end + 1);
    }
  }
  return names;
}

TEST(ProbeKinds, TheErrorsThatTheyHaveAreDocumented) {
  const auto page = documented_errors();
  std::set<std::string> known;
  for (const Kind& kind : catalogue()) {
    for (const auto& name : error_names(kind)) {
      EXPECT_TRUE(has_error(kind, name)) << name;
      known.insert(name);
    }
  }
  // Of DNS codes the page names the first two, and of the errors beyond those that are told apart it says so in words.
  for (const auto& name : known)
    EXPECT_TRUE(page.contains(name) || name == ErrorNames::kOther || name == "NOERROR" || name == "FORMERR" ||
                name == "NOTIMP" || name == "REFUSED" || name.starts_with("RCODE"))
        << name << " is not in docs/probes.md";
  for (const auto& name : page) EXPECT_TRUE(known.contains(name)) << name << " is in docs/probes.md alone";
}

TEST(ProbeKinds, AnErrorIsOneThatTheKindCanHave) {
  const Kind &http = *find_kind("http"), &exec = *find_kind("exec"), &redis = *find_kind("redis");
  EXPECT_TRUE(has_error(http, "status 404"));
  EXPECT_FALSE(has_error(http, "status "));
  EXPECT_FALSE(has_error(http, "status"));
  EXPECT_FALSE(has_error(http, "REFUSED")) << "a code of DNS";
  EXPECT_FALSE(has_error(exec, "refused")) << "a program's errors are its statuses";
  EXPECT_TRUE(has_error(exec, "exit 7"));
  EXPECT_TRUE(has_error(redis, "too large"));
}

TEST(ProbeKinds, TheCommandLineKnowsThemAll) {
  const auto help = cli::say({"inject", "sever", "--help"}).out, man = cli::say({"man", "inject", "sever"}).out,
             completion = cli::say({"completion", "bash"}).out, fresh = cli::say({"new", "--help"}).out;
  for (const Kind& kind : catalogue()) {
    SCOPED_TRACE(std::string(kind.name()));
    const std::string option = fmt::format("--probe-{}", kind.name());
    EXPECT_NE(help.find(option), std::string::npos);
    EXPECT_NE(man.find(fmt::format("\\-\\-probe\\-{}", kind.name())), std::string::npos);
    EXPECT_NE(man.find(std::string(kind.option)), std::string::npos);
    EXPECT_NE(completion.find(option), std::string::npos);
    EXPECT_NE(fresh.find(fmt::format("{}=", kind.name())), std::string::npos);
  }
}

TEST(ProbeKinds, NewShowsTheKeysOfTheKind) {
  for (const Kind& kind : catalogue()) {
    if (lacking(kind) != nullptr) continue;
    std::string what(kind.runs_program() ? "true" : kind.subject.example);
    std::erase(what, '"');
    const auto said = cli::say({"new", "--target", "netns=shop", "--probe", fmt::format("{}={}", kind.name(), what)});
    ASSERT_EQ(said.status, 0) << said.error;
    for (const Key& key : kind.keys) {
      SCOPED_TRACE(std::string(kind.name()) + "." + std::string(key.name));
      // Taken out of its comment it is a key of the plan.
      const std::string comment = fmt::format("\n# {} = ", key.name);
      std::string plan = said.out;
      const auto at = plan.find(comment, plan.find("[probes.user]"));
      ASSERT_NE(at, std::string::npos) << plan;
      plan.replace(at + 1, plan.find('\n', at + 1) - at, line_of(kind, key));
      const auto again = plan::parse_text(plan, "new.toml");
      ASSERT_TRUE(again.ok()) << plan::render(again);
      EXPECT_TRUE(again.plan.probes.at(0).params.has(key.name));
    }
  }
}

TEST(ProbeKinds, ExplainSaysWhatEachAsks) {
  for (const Kind& kind : catalogue()) {
    if (lacking(kind) != nullptr) continue;
    const auto path = std::filesystem::temp_directory_path() / fmt::format("faultline-kinds-{}.toml", getpid());
    std::ofstream(path) << plan_of(kind);
    const auto said = cli::say({"explain", path.string()}), as_json = cli::say({"explain", path.string(), "--json"});
    std::filesystem::remove(path);
    EXPECT_NE(said.out.find(fmt::format("p: {} from here", parsed(plan_of(kind)).shown())), std::string::npos)
        << said.out << said.error;
    EXPECT_EQ(nlohmann::json::parse(as_json.out).at("probes").at(0).at("kind"), kind.name());
  }
}

}  // namespace faultline::probe
