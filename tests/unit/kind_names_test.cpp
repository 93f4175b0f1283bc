// No module outside faults/ knows a kind by its name: what sets a kind apart is a property of faults::Kind. Else a new
// kind would have to be added in places that nothing points to.
#include <gtest/gtest.h>

#include <algorithm>
#include <regex>

#include "faults/kind.h"
#include "tests/unit/test_names.h"

namespace faultline::test {
namespace {

struct Allowed {
  std::string_view file, kind, reason;
};
constexpr Allowed kAllowed[] = {
    {"injector/doctor/gather.cpp", "degrade", "a plan of its own: what it plays must pass the data plane, whole"},
    {"injector/cli/trace_command.cpp", "trace", "a command's name, which makes files for the kind"},
    {"injector/plan/rate_values.cpp", "sever", "advice to people: what they write instead of a rate of 0"},
};

/// A string literal that is the name, or one that holds it in quotes, as a plan would.
bool names(const std::string& text, const std::string& kind) {
  return text.find("\"" + kind + "\"") != std::string::npos || text.find("\"" + kind + "\\\"") != std::string::npos;
}

/// The same of a name that is a probe's kind as well: where it is a fault's that is looked for.
bool asks_for(const std::string& text, const std::string& kind) {
  return std::regex_search(text, std::regex(R"((kind|kind->name|kind_name|find_kind\() *[=!]?=? *")" + kind + "\""));
}

TEST(KindNames, AreKnownInFaultsAlone) {
  std::vector<std::string> unused;
  for (const auto& allowed : kAllowed) unused.emplace_back(allowed.file);
  const std::filesystem::path root = FAULTLINE_SOURCE_DIR;
  std::size_t looked_at = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root / "injector")) {
    const std::string file = entry.path().lexically_relative(root).string();
    if (!file.ends_with(".cpp") && !file.ends_with(".h")) continue;
    looked_at++;
    const std::string text = text_of(entry.path());
    for (const auto& kind : faults::catalogue()) {
      const std::string name(kind.name);
      const bool probes_too = name == "dns";
      if (probes_too ? !asks_for(text, name) : !names(text, name)) continue;
      const auto* const allowed = std::find_if(std::begin(kAllowed), std::end(kAllowed),
                                               [&](const Allowed& a) { return a.file == file && a.kind == name; });
      if (allowed == std::end(kAllowed))
        ADD_FAILURE() << file << " knows the kind \"" << name << "\": give faults::Kind a property instead";
      else
        std::erase(unused, file);
    }
  }
  EXPECT_GT(looked_at, 100u);
  EXPECT_TRUE(unused.empty()) << unused.front() << " names no kind any more: take it off the list";
}

}  // namespace
}  // namespace faultline::test
