#include "injector/report/junit.h"

#include <fmt/format.h>

#include <pugixml.hpp>
#include <sstream>

#include "injector/base/visible_text.h"

namespace faultline::report {
namespace {

/// XML 1.0 has no way at all to write most control characters; names and errors of services may hold some.
std::string printable(const std::string& text) { return visible_lines(text); }

class Suite {
 public:
  explicit Suite(const Summary& s) : class_("faultline." + printable(s.name)) {
    auto declaration = document_.append_child(pugi::node_declaration);
    declaration.append_attribute("version") = "1.0";
    declaration.append_attribute("encoding") = "UTF-8";
    suites_ = document_.append_child("testsuites");
    suite_ = suites_.append_child("testsuite");
    suite_.append_attribute("name") = printable(s.name).c_str();
    suite_.append_attribute("timestamp") = printable(s.started_at.substr(0, 19)).c_str();  // no zone in the schema
    suite_.append_attribute("hostname") = printable(s.host).c_str();
    suite_.append_attribute("time") = fmt::format("{:.3f}", s.observed_s).c_str();
  }

  /// `outcome`: nullptr (passed), "failure", "error" or "skipped".
  void add(const std::string& name, const char* outcome, const std::string& message, const std::string& body) {
    auto node = suite_.append_child("testcase");
    node.append_attribute("classname") = class_.c_str();
    node.append_attribute("name") = printable(name).c_str();
    ++tests_;
    if (!outcome) return;
    auto child = node.append_child(outcome);
    child.append_attribute("message") = printable(message).c_str();
    if (!body.empty()) child.text().set(printable(body).c_str());
    const std::string_view what = outcome;
    (what == "failure" ? failures_ : what == "error" ? errors_ : skipped_) += 1;
  }

  std::string text() {
    for (auto node : {suites_, suite_}) {
      node.append_attribute("tests") = tests_;
      node.append_attribute("failures") = failures_;
      node.append_attribute("errors") = errors_;
      node.append_attribute("skipped") = skipped_;
    }
    std::ostringstream out;
    document_.save(out, "  ");
    return out.str();
  }

 private:
  std::string class_;
  pugi::xml_document document_;
  pugi::xml_node suites_, suite_;
  int tests_ = 0, failures_ = 0, errors_ = 0, skipped_ = 0;
};

std::string lines(const std::vector<std::string>& texts) {
  std::string all;
  for (const auto& text : texts) all += text + "\n";
  return all;
}

}  // namespace

std::string junit_xml(const Summary& s) {
  Suite suite(s);
  for (const auto& h : s.hypotheses) {
    const std::string body = fmt::format("expected: {}\nobserved: {}\n", h.expected, h.observed);
    if (!h.held)
      suite.add(h.name, "skipped", "could not be judged: " + h.reason, body);
    else if (*h.held)
      suite.add(h.name, nullptr, {}, {});
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
  return suite.text();
}

}  // namespace faultline::report
