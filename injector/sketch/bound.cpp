#include "injector/sketch/bound.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <filesystem>

#include "injector/base/error.h"
#include "injector/base/file_text.h"
#include "injector/base/visible_text.h"
#include "injector/plan/values.h"
#include "injector/sketch/cast.h"
#include "injector/sketch/parts.h"
#include "injector/sketch/references.h"

namespace faultline::sketch {
namespace {

namespace fs = std::filesystem;
using plan::Diagnostic;
using plan::Entry;
using plan::Node;

std::string read(const std::string& path, const char* what) {
  std::string text;
  if (const std::string why = read_file(path, Readable::anything, text); !why.empty())
    throw Failure(Exit::invalid, fmt::format("cannot read {} {}: {}", what, path, why));
  return text;
}

/// What the second file may say, in the order in which a plan is written.
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

const char* why_not_allowed(const std::string& key) {
  if (key == "faults") return "faults are the outage's: --bind says on whom, --set and --scale what else they ask";
  if (key == "lab") return "with --bind no lab is made";
  if (key == "arms") return "play it once for each, with another file or another --var";
  if (key == "seed") return "give --seed";
  return "";
}

/// "auth, sms are"
std::string are(const std::vector<std::string>& names) {
  return fmt::format("{} {}", fmt::join(names, ", "), names.size() == 1 ? "is" : "are");
}

class Binder {
 public:
  Binder(const std::string& path, const plan::ParseOptions& options, const Bindings& bindings)
      : path_(path),
        options_(options),
        bindings_(bindings),
        stands_(read_stands(bindings.given)),
        text_(read(path, "plan")),
        with_text_(bindings.with.empty() ? "" : read(bindings.with, "--with")) {}

  plan::Parsed parse() {
    plan::Parsed outage = read_outage();
    if (!outage.ok()) return outage;
    const Node own = read_own();
    Cast cast(outage.plan, stands_, bindings_.bound_only);
    const auto faults = bind_faults(outage.plan, cast);
    refuse_unused(cast);
    if (!mistakes_.empty()) return wrong(std::move(outage));
    put_together(outage.plan, own, cast, faults);
    if (!mistakes_.empty()) return wrong(std::move(outage));
    return read_whole(outage.plan);
  }

 private:
  /// The outage as it is, with its lab: what is wrong with it by itself is said first.
  plan::Parsed read_outage() {
    document_ = plan::read_document(text_, mistakes_);
    mistakes_.clear();  // the parser says them as well
    plan::ParseOptions options = options_;
    options.settings.clear();
    const Entry* vars = document_.find("vars");
    std::erase_if(options.variables, [&](const auto& variable) {  // others may be the second file's
      return vars == nullptr || vars->value.find(variable.first) == nullptr;
    });
    return plan::parse_text(text_, path_, options);
  }

  void say(Diagnostic mistake) { mistakes_.push_back(std::move(mistake)); }
  void say_own(plan::SourcePlace at, std::string message, std::string hint) {
    say({at, std::move(message), std::move(hint), false, bindings_.with});
  }

  /// The second file: syntax, and keys that have no place in one. Everything else the parser says.
  Node read_own() {
    std::vector<Diagnostic> syntax;
    Node own = plan::read_document(with_text_, syntax);
    for (auto& mistake : syntax) say_own(mistake.at, mistake.message, mistake.hint);
    std::vector<std::string> known;
    for (const auto& allowed : kAllowed) known.emplace_back(allowed.key);
    for (const Entry& entry : own.entries) {
      const std::string& key = entry.key;
      const auto allowed =
          std::find_if(kAllowed.begin(), kAllowed.end(), [&](const Allowed& a) { return a.key == key; });
      if (allowed == kAllowed.end()) {
        std::string hint = why_not_allowed(key);
        if (const std::string meant = hint.empty() ? plan::did_you_mean(key, known) : ""; !meant.empty())
          hint = fmt::format("did you mean \"{}\"?", meant);
        if (hint.empty()) hint = fmt::format("it may have: {}", fmt::join(known, ", "));
        say_own(entry.at, fmt::format("\"{}\" is not of a file for --with", key), hint);
        continue;
      }
      check_shape(*allowed, entry.at, entry.value);
    }
    if (bindings_.with.empty()) return own;
    const std::string folder = fs::absolute(bindings_.with).lexically_normal().parent_path();
    fill_in(own, {{"plan_dir", folder}});
    return own;
  }

  void check_shape(const Allowed& allowed, plan::SourcePlace at, const Node& value) {
    const auto is = [&](const Node& node, Node::Type type) {
      if (node.type == type) return true;
      say_own(
          node.at.line == 0 ? at : node.at,
          fmt::format("{}: expected {}, found {}", allowed.key, describe(type), describe(node.type)),
          allowed.of_array ? fmt::format("write [[{}]]", allowed.key) : fmt::format("write [{}.NAME]", allowed.key));
      return false;
    };
    if (allowed.of_array && is(value, Node::Type::array))
      for (const auto& item : value.items) is(item, Node::Type::table);
    if (!allowed.of_names || !is(value, Node::Type::table) || std::string_view(allowed.key) == "vars") return;
    for (const auto& entry : value.entries) is(entry.value, Node::Type::table);
  }

  std::vector<Node> bind_faults(const plan::Plan& outage, Cast& cast) {
    std::vector<Node> bound;
    const Entry* faults = document_.find("faults");
    if (faults == nullptr) {
      say({{1, 1}, "the plan has no [[faults]]: there is nothing to bind", "", false, {}});
      return bound;
    }
    for (std::size_t i = 0; i < outage.faults.size(); i++) {
      std::vector<Diagnostic> mistakes;
      LeftOut left;
      Node fault = cast.bound(faults->value.items[i], i, mistakes, left);
      mistakes_.insert(mistakes_.end(), mistakes.begin(), mistakes.end());
      const std::string& name = outage.faults[i].name;
      const auto remark = [&](const std::string& what) {
        remarks_.push_back({outage.faults[i].at, fmt::format("fault \"{}\" {}", name, what), {}, false, {}});
      };
      if (!bindings_.bound_only || !left.fault) bound.push_back(std::move(fault));
      if (!bindings_.bound_only) continue;
      if (left.fault) {
        binding_.left_out.push_back(name);
        remark(fmt::format("is left out: {} not bound", are(left.ends)));
      } else if (!left.ends.empty()) {
        remark(fmt::format("is not between all that the outage has: {} not bound, and left out", are(left.ends)));
      }
    }
    if (bound.empty())
      say({faults->at,
           "no fault is left: of none are all ends bound",
           fmt::format("its faults use {}", fmt::join(cast.asked(), ", ")),
           false,
           {}});
    return bound;
  }

  void refuse_unused(const Cast& cast) {
    for (const auto& stand : stands_) {
      if ((bindings_.bound_only ? cast.used() : cast.found()).contains(stand.name)) continue;
      const std::string meant = plan::did_you_mean(stand.name, {cast.asked().begin(), cast.asked().end()});
      say({{},
           fmt::format("--bind {}: no fault that is played uses \"{}\"", stand.option, stand.name),
           meant.empty() || meant == stand.name ? fmt::format("its faults use {}", fmt::join(cast.asked(), ", "))
                                                : fmt::format("did you mean \"{}\"?", meant),
           false,
           {}});
    }
  }

  void add(const Node& from, const char* key, const std::string& file) {
    if (const Entry* entry = from.find(key)) parts_.add({key, "", false, entry->value, entry->at, {file, {}}});
  }
  void add_either(const Node& own, const char* key) {
    own.find(key) != nullptr ? add(own, key, bindings_.with) : add(document_, key, "");
  }

  void put_together(const plan::Plan& outage, const Node& own, const Cast& cast, const std::vector<Node>& faults) {
    add_title(outage, own);
    add(document_, "seed", "");
    for (const char* key : {"duration", "tolerance"}) add_either(own, key);
    add(own, "telemetry", bindings_.with);
    add_variables(outage, own, faults);
    add_targets(own, cast);
    add_own_tables(own, "probes");
    const Entry* all = document_.find("faults");
    for (const auto& fault : faults)
      parts_.add({"faults",
                  "",
                  true,
                  fault,
                  all->at,
                  {},
                  fmt::format("{}, line {}", fs::path(path_).filename().string(), fault.at.line)});
    for (const char* key : {"hypotheses", "guards", "events"})
      if (const Entry* tables = own.find(key))
        for (const auto& table : tables->value.items)
          parts_.add({key, "", true, table, tables->at, {bindings_.with, {}}});
  }

  /// It tells a bound run from the outage's own, wherever runs are listed.
  void add_title(const plan::Plan& outage, const Node& own) {
    if (own.find("title") != nullptr) return add(own, "title", bindings_.with);
    const Entry* its = document_.find("title");
    Part title{"title", "", false, {}, its == nullptr ? plan::SourcePlace{1, 1} : its->at, {}};
    title.value.type = Node::Type::string;
    title.value.at = title.at;
    constexpr std::size_t kRoom = 500;  // a title has 1000 bytes
    std::string to = fmt::format("{}", fmt::join(bindings_.given, ", "));
    if (to.size() > kRoom) to = fmt::format("{} targets", stands_.size());
    for (auto at = to.find("${"); at != std::string::npos; at = to.find("${", at + 3)) to.insert(at, "$");
    title.value.text = fmt::format("{}, bound to {}", its == nullptr ? outage.name : its->value.text, to);
    parts_.add(std::move(title));
  }

  /// Those that the faults use, with the values that their arm gives them; and the second file's own.
  void add_variables(const plan::Plan& outage, const Node& own, const std::vector<Node>& faults) {
    std::set<std::string> used;
    for (const auto& fault : faults) add_references(fault, used);
    for (const auto& part : parts_.all())
      if (part.from.file.empty()) add_references(part.value, used);
    const Entry* vars = document_.find("vars");
    for (const auto& entry : vars == nullptr ? std::vector<Entry>() : vars->value.entries) {
      if (!used.contains(entry.key)) continue;
      Part part{"vars", entry.key, false, entry.value, entry.at, {}};
      choose_arm(outage, part);
      parts_.add(std::move(part));
    }
    const Entry* others = own.find("vars");
    for (const auto& entry : others == nullptr ? std::vector<Entry>() : others->value.entries) {
      if (used.contains(entry.key) && vars != nullptr && vars->value.find(entry.key) != nullptr)
        say_own(entry.at, fmt::format("vars.{}: the outage's faults have a variable of that name", entry.key),
                "choose another name");
      else
        parts_.add({"vars", entry.key, false, entry.value, entry.at, {bindings_.with, {}}});
    }
  }

  /// The value that the arm gives a variable. Without --arm all of them must give it the same.
  void choose_arm(const plan::Plan& outage, Part& variable) {
    const Entry* arms = document_.find("arms");
    if (arms == nullptr) return;
    const auto value_in = [&](const std::string& arm) {
      const Entry* its = arms->value.find(arm);
      const Entry* value = its == nullptr ? nullptr : its->value.find(variable.name);
      return value == nullptr ? &variable.value : &value->value;
    };
    const Node* chosen = value_in(outage.arm);
    if (options_.arm.empty())
      for (const auto& arm : outage.arms)
        if (const Node* other = value_in(arm.name);
            other->text != chosen->text && !options_.variables.contains(variable.name))
          return say({other->at,
                      fmt::format("arms {} and {} differ in \"{}\", which the faults use", outage.arm, arm.name,
                                  variable.name),
                      fmt::format("choose one with --arm {}", outage.arm),
                      false,
                      {}});
    const Node value = *chosen;
    variable.value = value;
  }

  void add_targets(const Node& own, const Cast& cast) {
    for (const auto& stand : stands_) {
      Part part{"targets", stand.target, false, {}, {1, 1}, {"", "--bind " + stand.option}};
      std::vector<Diagnostic> syntax;
      std::string text;
      for (const auto& line : stand.lines) text += fmt::format("{} = {}\n", line.key, line.value);
      part.value = plan::read_document(text, syntax);
      for (const auto& mistake : syntax)
        say({{}, fmt::format("--bind {}: {}", stand.option, mistake.message), "", false, {}});
      parts_.add(std::move(part));
      binding_.names.emplace_back(stand.name, stand.target);
    }
    if (const Entry* targets = document_.find("targets"))
      for (const auto& entry : targets->value.entries)
        if (cast.kept().contains(entry.key)) parts_.add({"targets", entry.key, false, entry.value, entry.at, {}});
    add_own_tables(own, "targets");
  }

  /// [key.NAME] of the second file.
  void add_own_tables(const Node& own, const char* key) {
    const Entry* tables = own.find(key);
    if (tables == nullptr) return;
    for (const auto& entry : tables->value.entries) {
      const auto& all = parts_.all();
      if (std::any_of(all.begin(), all.end(), [&](const Part& p) { return p.top == key && p.name == entry.key; }))
        say_own(entry.at, fmt::format("{}.{}: the outage uses this name", key, entry.key), "choose another name");
      else
        parts_.add({key, entry.key, false, entry.value, entry.at, {bindings_.with, {}}});
    }
  }

  plan::Parsed read_whole(const plan::Plan& outage) {
    std::string comment = fmt::format("The faults of {}, on services of our own: `faultline run --bind` wrote this.",
                                      fs::path(path_).filename().string());
    for (const auto& stand : stands_) comment += "\n--bind " + stand.option;
    if (!bindings_.with.empty())
      comment += "\nWhat judges them is from " + fs::path(bindings_.with).filename().string() + ".";
    const std::string text = parts_.write(visible_lines(comment));
    plan::ParseOptions options = options_;
    options.arm.clear();
    plan::Parsed parsed = plan::parse_text(text, outage.path, options);
    const Parts::Origins origins(parts_, text);
    for (auto* list : {&parsed.diagnostics, &parsed.remarks})
      for (auto& one : *list) origins.lead_back(one);
    in_order(parsed.diagnostics);
    From ignored;
    const auto lead = [&](auto& things) {
      for (auto& thing : things) origins.lead_back(thing.at, ignored);
    };
    lead(parsed.plan.targets);
    lead(parsed.plan.probes);
    lead(parsed.plan.faults);
    lead(parsed.plan.hypotheses);
    lead(parsed.plan.guards);
    lead(parsed.plan.events);
    parsed.remarks.insert(parsed.remarks.end(), remarks_.begin(), remarks_.end());
    if (parsed.ok() && parsed.plan.hypotheses.empty())
      parsed.remarks.push_back(
          {{},
           fmt::format("nothing judges the run: {}", bindings_.with.empty()
                                                         ? "give --with FILE, with probes and hypotheses of your own"
                                                         : bindings_.with + " has no [[hypotheses]]"),
           {},
           false,
           {}});
    binding_.with = bindings_.with;
    parsed.bound = std::move(binding_);
    parsed.sources = sources();
    return parsed;
  }

  std::map<std::string, std::string> sources() const {
    std::map<std::string, std::string> all{{"", text_}};
    if (!bindings_.with.empty()) all[bindings_.with] = with_text_;
    return all;
  }

  static void in_order(std::vector<Diagnostic>& list) {
    std::stable_sort(list.begin(), list.end(), [](const Diagnostic& a, const Diagnostic& b) {
      return std::tie(a.file, a.at.line, a.at.column) < std::tie(b.file, b.at.line, b.at.column);
    });
  }

  plan::Parsed wrong(plan::Parsed outage) {
    outage.diagnostics = std::move(mistakes_);
    in_order(outage.diagnostics);
    outage.remarks.clear();
    outage.sources = sources();
    return outage;
  }

  const std::string& path_;
  const plan::ParseOptions& options_;
  const Bindings& bindings_;
  const std::vector<Stand> stands_;
  const std::string text_, with_text_;
  Node document_;
  Parts parts_;
  plan::Binding binding_;
  std::vector<Diagnostic> mistakes_, remarks_;
};

}  // namespace

plan::Parsed parse_bound(const std::string& path, const plan::ParseOptions& options, const Bindings& bindings) {
  if (bindings.given.empty())
    throw Failure(Exit::invalid, fmt::format("{} goes with --bind NAME=KEY=VALUE, which is not given",
                                             bindings.with.empty() ? "--bound-only" : "--with"));
  return Binder(path, options, bindings).parse();
}

}  // namespace faultline::sketch
