// tests/programs: what tests and experiments start is listed, what is listed gets installed, and nothing else is found.
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <regex>
#include <sstream>

#include "injector/plan/parse.h"
#include "tests/harness/command.h"
#include "tests/harness/listed_programs.h"
#include "tests/unit/test_names.h"

namespace faultline::test {
namespace {

namespace fs = std::filesystem;

/// "curl" -> {"netns"}: the packages of a list, with the words behind them.
std::map<std::string, std::set<std::string>> packages_of(const std::string& list) {
  std::map<std::string, std::set<std::string>> all;
  std::istringstream text(text_of(FAULTLINE_SOURCE_DIR "/" + list));
  for (std::string line; std::getline(text, line);) {
    std::istringstream words(line.substr(0, line.find('#')));
    std::string package;
    if (!(words >> package)) continue;
    for (std::string word; all[package], words >> word;) all[package].insert(word);
  }
  return all;
}

bool is_listed(const std::string& program, const std::string& tier) {
  for (const auto& each : listed_programs())
    if (each.name == program && each.tiers.contains(tier)) return true;
  return false;
}

/// What experiments/run and tests/run install for one who starts this program in that tier.
TEST(ListedPrograms, ComeWithAPackageThatIsInstalledForTheirTiers) {
  const auto experiments = packages_of("experiments/packages"), tests = packages_of("tests/packages");
  for (const auto& program : listed_programs()) {
    if (program.package == "-") continue;
    for (const auto& tier : program.tiers) {
      EXPECT_TRUE(tier == "experiments" || tier == "unit" || tier == "packet" || tier == "netns" || tier == "vm")
          << tier;
      bool installed = false;
      if (const auto found = experiments.find(program.package); found != experiments.end())
        installed = found->second.empty() || found->second.contains(program.name);
      if (const auto found = tests.find(program.package); found != tests.end() && tier != "experiments")
        installed |= found->second.empty() || found->second.contains(tier);
      EXPECT_TRUE(installed) << program.name << ", of " << program.package << ": nothing installs it for " << tier;
    }
  }
}

TEST(ListedPrograms, AreTheOnlyOnesThatTestsFind) {
  EXPECT_EQ(say_all({"sh", "-c", "bash -c true"}).status, 0);
  EXPECT_FALSE(is_listed("apt-get", "unit"));
  EXPECT_EQ(say_all({"apt-get", "--version"}).status, 127);
  EXPECT_EQ(say_all({"sh", "-c", "apt-get --version 2>/dev/null"}).status, 127);
  EXPECT_EQ(say_all({"sh", "-c", "command -v apt-get"}).out, "");
}

/// A lab adds the sbin folders to PATH, and a plan of experiments/ is played by whoever likes: their programs are
/// looked up here.
TEST(ListedPrograms, HaveAllThatThePlansStart) {
  int found = 0;
  const auto expect = [&](const std::vector<std::string>& command, const fs::path& plan) {
    if (command.empty() || command[0].find('/') != std::string::npos) return;
    EXPECT_TRUE(is_listed(command[0], "experiments")) << command[0] << " of " << plan;
    found++;
  };
  for (const auto& entry : fs::directory_iterator(FAULTLINE_SOURCE_DIR "/experiments")) {
    if (entry.path().extension() != ".toml") continue;
    const auto parsed = plan::parse_file(entry.path());
    ASSERT_TRUE(parsed.ok()) << plan::render(parsed);
    for (const auto& probe : parsed.plan.probes)
      if (probe.kind->runs_program()) expect(probe.program(), entry.path());
    if (!parsed.plan.lab) continue;
    for (const auto& host : parsed.plan.lab->hosts) {
      expect(host.command, entry.path());
      if (host.ready) expect(host.ready->command, entry.path());
    }
  }
  EXPECT_GT(found, 20);
}

/// PATH has no say in these.
TEST(ListedPrograms, HaveAllThatIsStartedByItsPath) {
  const std::regex path("(^|[^A-Za-z0-9_/.}])(/usr(/local)?)?/s?bin/([A-Za-z0-9_.-]+)");
  int found = 0;
  for (const std::string tier : {"netns", "packet", "harness", "vm", "outages", "experiments"}) {
    const std::string folder = FAULTLINE_SOURCE_DIR + std::string(tier == "experiments" ? "/" : "/tests/") + tier;
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
      const std::string name = entry.path().filename();
      if (!entry.is_regular_file() || entry.path().string().find("_inside") != std::string::npos || name == "users" ||
          name == "init.c")
        continue;  // of a VM
      std::istringstream text(text_of(entry.path()));
      for (std::string line; std::getline(text, line);) {
        if (line.find("bin/") == std::string::npos) continue;
        for (std::sregex_iterator it(line.begin(), line.end(), path), end; it != end; ++it) {
          const std::string program = (*it)[4];
          if (program == "no-such-command-here" || program == "policy-rc.d") continue;  // which nobody has
          const bool known = tier == "harness" ? is_listed(program, "netns") || is_listed(program, "unit")
                                               : is_listed(program, tier == "outages" ? "experiments" : tier);
          EXPECT_TRUE(known) << entry.path() << ": " << line;
          found++;
        }
      }
    }
  }
  EXPECT_GT(found, 10);
}

/// The packages that this machine's dpkg knows: what each one depends on, provides, and whether every Debian has it.
struct Installed {
  std::map<std::string, std::set<std::string>> needs, provides;
  std::set<std::string> everywhere;

  Installed() {
    std::istringstream text(
        say_all({"dpkg-query", "-W", "-f",
                 "${Package}\t${Essential}\t${Priority}\t${Pre-Depends}, ${Depends}\t${Provides}\n"})
            .out);
    for (std::string line; std::getline(text, line);) {
      std::vector<std::string> fields;
      std::istringstream rest(line);
      for (std::string field; std::getline(rest, field, '\t');) fields.push_back(field);
      fields.resize(5);
      for (const auto& name : names(fields[3])) needs[fields[0]].insert(name);
      for (const auto& name : names(fields[4])) provides[name].insert(fields[0]);
      if (fields[1] == "yes" || fields[2] == "required") everywhere.insert(fields[0]);
    }
  }
  /// "a (>= 1), b | c:any" -> a b c
  static std::vector<std::string> names(const std::string& text) {
    static const std::regex word("(^|[,|])\\s*([a-z0-9][a-z0-9+.-]+)");
    std::vector<std::string> all;
    for (std::sregex_iterator it(text.begin(), text.end(), word), end; it != end; ++it) all.push_back((*it)[2]);
    return all;
  }
  /// With `package` come all that it needs, and what those need.
  std::set<std::string> with(const std::set<std::string>& packages) const {
    std::set<std::string> all;
    std::vector<std::string> next(packages.begin(), packages.end());
    while (!next.empty()) {
      const std::string one = next.back();
      next.pop_back();
      if (!all.insert(one).second) continue;
      if (const auto found = needs.find(one); found != needs.end())
        next.insert(next.end(), found->second.begin(), found->second.end());
      if (const auto found = provides.find(one); found != provides.end())
        next.insert(next.end(), found->second.begin(), found->second.end());
    }
    return all;
  }
};

TEST(ListedPrograms, AreInThePackageThatTheListNames) {
  if (where_is("dpkg-query").empty()) GTEST_SKIP() << "not a Debian";
  const Installed installed;
  ASSERT_GT(installed.everywhere.size(), 20u);
  std::vector<std::string> ask{"dpkg-query", "-S"};
  for (const auto& program : listed_programs()) {
    std::error_code none;
    const fs::path at = fs::canonical(where_is(program.name), none);
    if (at.empty()) continue;
    for (const std::string folder : {"/bin/", "/sbin/", "/usr/bin/", "/usr/sbin/"})
      ask.push_back(folder + program.name);
    ask.push_back(at);
    if (const std::string text = at; text.starts_with("/usr/")) ask.push_back(text.substr(4));
  }
  std::map<std::string, std::set<std::string>> owners;  // of a path
  std::istringstream text(say_all(ask).out);
  for (std::string line; std::getline(text, line);) {
    const auto colon = line.rfind(": ");
    if (colon == std::string::npos || line.starts_with("diversion")) continue;
    for (const auto& name : Installed::names(line.substr(0, colon))) owners[line.substr(colon + 2)].insert(name);
  }
  const std::set<std::string> everywhere = installed.with(installed.everywhere);
  int looked_at = 0;
  for (const auto& program : listed_programs()) {
    std::error_code none;
    const std::string at = fs::canonical(where_is(program.name), none);
    if (at.empty()) continue;
    std::set<std::string> of;
    for (const std::string& path : {"/bin/" + program.name, "/sbin/" + program.name, "/usr/bin/" + program.name,
                                    "/usr/sbin/" + program.name, at, at.starts_with("/usr/") ? at.substr(4) : at})
      if (const auto found = owners.find(path); found != owners.end())
        of.insert(found->second.begin(), found->second.end());
    if (of.empty()) continue;  // not dpkg's
    looked_at++;
    const std::set<std::string> come = program.package == "-" ? everywhere : installed.with({program.package});
    bool comes = false;
    for (const auto& owner : of) comes |= come.contains(owner);
    EXPECT_TRUE(comes) << program.name << " is in " << *of.begin() << ", which does not come with "
                       << (program.package == "-" ? "every Debian" : program.package);
  }
  EXPECT_GT(looked_at, 30);
}

}  // namespace
}  // namespace faultline::test
