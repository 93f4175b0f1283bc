#include "injector/sketch/own_file.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <filesystem>

#include "injector/plan/values.h"
#include "injector/sketch/references.h"

namespace faultline::sketch {
namespace {

using plan::Diagnostic;
using plan::Entry;
using plan::Node;

/// What it may say, in the order in which a plan is written.
struct Allowed {
  const char* key;
  bool of_names;  ///< [key.NAME]
  bool of_array;  ///< [[key]]
};
constexpr std::array kAllowed{Allowed{"title", false, false},     Allowed{"duration", false, false},
                              Allowed{"tolerance", false, false}, Allowed{"telemetry", false, false},
                              Allowed{"vars", true, false},       Allowed{"targets", true, false},
                              Allowed{"probes", true, false},     Allowed{"hypotheses", false, true},
                              Allowed{"guards", false, true},     Allowed{"events", false, true}};

std::string why_not_allowed(const std::string& key) {
  if (key == "faults") return "faults are the outage's: --bind says on whom, --set and --scale what else they ask";
  if (key == "lab") return "with --bind no lab is made";
  if (key == "arms") return "play it once for each, with another file or another --var";
  if (key == "seed") return "give --seed";
  std::vector<std::string> known;
  for (const auto& allowed : kAllowed) known.emplace_back(allowed.key);
  const std::string meant = plan::did_you_mean(key, known);
  return meant.empty() ? fmt::format("it may have: {}", fmt::join(known, ", "))
                       : fmt::format("did you mean \"{}\"?", meant);
}

class OwnFile {
 public:
  OwnFile(const std::string& path, std::vector<Diagnostic>& mistakes) : path_(path), mistakes_(mistakes) {}

  Node read(const std::string& text) {
    std::vector<Diagnostic> syntax;
    Node own = plan::read_document(text, syntax);
    for (auto& mistake : syntax) say(mistake.at, mistake.message, mistake.hint);
    for (const Entry& entry : own.entries) {
      const auto allowed =
          std::find_if(kAllowed.begin(), kAllowed.end(), [&](const Allowed& a) { return a.key == entry.key; });
      if (allowed == kAllowed.end())
        say(entry.at, fmt::format("\"{}\" is not of a file for --with", entry.key), why_not_allowed(entry.key));
      else
        check_shape(*allowed, entry);
    }
    fill_in(own, {{"plan_dir", std::filesystem::absolute(path_).lexically_normal().parent_path()}});
    return own;
  }

 private:
  void say(plan::SourcePlace at, std::string message, std::string hint) {
    mistakes_.push_back({at, std::move(message), std::move(hint), false, path_});
  }

  void check_shape(const Allowed& allowed, const Entry& entry) {
    const Node& value = entry.value;
    const auto is = [&](const Node& node, Node::Type type) {
      if (node.type == type) return true;
      say(node.at.line == 0 ? entry.at : node.at,
          fmt::format("{}: expected {}, found {}", allowed.key, describe(type), describe(node.type)),
          allowed.of_array ? fmt::format("write [[{}]]", allowed.key) : fmt::format("write [{}.NAME]", allowed.key));
      return false;
    };
    if (allowed.of_array && is(value, Node::Type::array))
      for (const auto& item : value.items) is(item, Node::Type::table);
    if (!allowed.of_names || !is(value, Node::Type::table) || std::string_view(allowed.key) == "vars") return;
    for (const auto& one : value.entries) is(one.value, Node::Type::table);
  }

  const std::string& path_;
  std::vector<Diagnostic>& mistakes_;
};

}  // namespace

Node read_own_file(const std::string& path, const std::string& text, std::vector<Diagnostic>& mistakes) {
  return OwnFile(path, mistakes).read(text);
}

}  // namespace faultline::sketch
