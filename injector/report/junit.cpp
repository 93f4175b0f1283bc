#include "injector/report/junit.h"

#include <fmt/format.h>

#include <pugixml.hpp>
#include <sstream>

#include "injector/base/visible_text.h"
#include "injector/report/checked_plan.h"

namespace faultline::report {
namespace {

/// XML 1.0 has no way at all to write most control characters; names and errors of services may hold some.
std::string printable(const std::string& text) { return visible_lines(text); }

class Suites {
 public:
  Suites() {
    auto declaration = document_.append_child(pugi::node_declaration);
    declaration.append_attribute("version") = "1.0";
    declaration.append_attribute("encoding") = "UTF-8";
    suites_ = document_.append_child("testsuites");
  }
  pugi::xml_node add() { return suites_.append_child("testsuite"); }
  std::string text() {
    for (const char* sum : {"tests", "failures", "errors", "skipped"}) {
      int all = 0;
      for (const auto suite : suites_) all += suite.attribute(sum).as_int();
      suites_.append_attribute(sum) = all;
    }
    std::ostringstream out;
    document_.save(out, "  ");
    return out.str();
  }

 private:
  pugi::xml_document document_;
  pugi::xml_node suites_;
};

class Suite {
 public:
  Suite(Suites& suites, const Summary& s) : suite_(suites.add()) {
    const std::string arm = s.arm ? "." + printable(*s.arm) : std::string();
    class_ = "faultline." + printable(s.name) + arm;
    suite_.append_attribute("name") = (printable(s.name) + arm).c_str();
    suite_.append_attribute("timestamp") = printable(s.started_at.substr(0, 19)).c_str();  // no zone in the schema
    suite_.append_attribute("hostname") = printable(s.host).c_str();
    suite_.append_attribute("time") = fmt::format("{:.3f}", s.observed_s).c_str();
  }

  /// `outcome`: nullptr (passed), "failure", "error" or "skipped".
  void add(const std::string& name, const char* outcome, const std::string& message, const std::string& body,
           const std::string& said = {}) {
    auto node = suite_.append_child("testcase");
    node.append_attribute("classname") = class_.c_str();
    node.append_attribute("name") = printable(name).c_str();
    ++tests_;
    if (!said.empty()) node.append_child("system-out").text().set(printable(said).c_str());
    if (!outcome) return;
    auto child = node.append_child(outcome);
    child.append_attribute("message") = printable(message).c_str();
    if (!body.empty()) child.text().set(printable(body).c_str());
    const std::string_view what = outcome;
    (what == "failure" ? failures_ : what == "error" ? errors_ : skipped_) += 1;
  }

  void close() {
    suite_.append_attribute("tests") = tests_;
    suite_.append_attribute("failures") = failures_;
    suite_.append_attribute("errors") = errors_;
    suite_.append_attribute("skipped") = skipped_;
  }

 private:
  std::string class_;
  pugi::xml_node suite_;
  int tests_ = 0, failures_ = 0, errors_ = 0, skipped_ = 0;
};

std::string lines(const std::vector<std::string>& texts) {
  std::string all;
  for (const auto& text : texts) all += text + "\n";
  return all;
}

void add_suite(Suites& suites, const Summary& s) {
  Suite suite(suites, s);
  for (const auto& h : s.hypotheses) {
    const std::string body = fmt::format("expected: {}\nobserved: {}\n", h.expected, h.observed);
    if (!h.held)
      suite.add(h.name, "skipped", "could not be judged: " + h.reason, body);
    else if (h.as_expected())
      suite.add(h.name, nullptr, {}, {}, h.untested ? "untested: " + *h.untested : std::string());
    else if (*h.held)
      suite.add(h.name, "failure", "it held, and this arm was expected to break it", body);
    else
      suite.add(h.name, "failure", broken_text(h), body + h.reason);
  }

  for (const auto& g : s.guards) {
    const std::string name = "guard: " + g.name;
    if (!g.tripped)
      suite.add(name, nullptr, {}, {});
    else
      suite.add(name, "failure", fmt::format("{}: {}", g.condition, g.observed.value_or("")),
                fmt::format("stopped the run after {:.3f} s\n", g.t_s.value_or(0)));
  }

  if (s.exit_code <= 1)
    suite.add("the experiment was conclusive", nullptr, {}, {});
  else
    suite.add("the experiment was conclusive", "error", s.verdict + (s.reasons.empty() ? "" : ": " + s.reasons.front()),
              lines(s.reasons));

  if (!s.cleanup)
    suite.add("cleanup", "skipped", "it was not recorded: the run did not reach its end", {});
  else if (s.cleanup->ok)
    suite.add("cleanup", nullptr, {}, {});
  else
    suite.add("cleanup", "failure", "cleanup was incomplete", lines(s.cleanup->failures));
  suite.close();
}

}  // namespace

std::string junit_xml(const std::vector<Summary>& summaries, const std::string& name,
                      const std::vector<std::string>& not_played) {
  Suites suites;
  for (const auto& summary : summaries) add_suite(suites, summary);
  for (const auto& arm : not_played) {
    Summary nothing;
    nothing.name = name;
    nothing.arm = arm;
    Suite suite(suites, nothing);
    suite.add("the arm was played", "error", "there is no record of it", {});
    suite.close();
  }
  return suites.text();
}

std::string junit_xml(const std::vector<CheckedPlan>& plans) {
  Suites suites;
  Summary nothing;
  nothing.name = "check";
  Suite suite(suites, nothing);
  for (const auto& plan : plans) {
    if (!plan.mistakes.empty())
      suite.add(plan.plan, "failure", plan.mistakes.front().message, plan.told);
    else if (!plan.lacks.empty())
      suite.add(plan.plan, "error", plan.lacks.front().message, plan.told);
    else
      suite.add(plan.plan, nullptr, {}, {});
  }
  suite.close();
  return suites.text();
}

std::string junit_xml(const Summary& summary) { return junit_xml(std::vector{summary}); }

}  // namespace faultline::report
