#include "injector/sketch/bound.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>

#include "injector/base/error.h"
#include "injector/base/file_text.h"
#include "injector/base/visible_text.h"
#include "injector/plan/values.h"
#include "injector/sketch/bound_parts.h"
#include "injector/sketch/cast.h"
#include "injector/sketch/own_file.h"
#include "injector/sketch/parts.h"

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
    const Node own = bindings_.with.empty() ? Node{} : read_own_file(bindings_.with, with_text_, mistakes_);
    Cast cast(outage.plan, stands_, bindings_.bound_only);
    const auto faults = bind_faults(outage.plan, cast);
    refuse_unused(cast);
    if (!mistakes_.empty()) return wrong(std::move(outage));
    parts_ = put_together({outage.plan, document_, own, stands_, faults, cast, bindings_, options_}, mistakes_);
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
    for (const auto& stand : stands_) binding_.names.emplace_back(stand.name, stand.target);
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
