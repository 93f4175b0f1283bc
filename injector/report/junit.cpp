#include "injector/report/junit.h"

#include <fmt/format.h>

#include <pugixml.hpp>
#include <sstream>

#include "injector/base/visible_text.h"
#include "injector/report/summary.h"

namespace faultline::report {
namespace {

using nlohmann::json;

/// XML 1.0 has no way at all to write most control characters; names and errors of services may hold some.
std::string printable(const std::string& text) { return visible_lines(text); }

class Suite {
 public:
  explicit Suite(const json& s) : class_("faultline." + printable(s.value("name", ""))) {
    auto declaration = document_.append_child(pugi::node_declaration);
    declaration.append_attribute("version") = "1.0";
    declaration.append_attribute("encoding") = "UTF-8";
    suites_ = document_.append_child("testsuites");
    suite_ = suites_.append_child("testsuite");
    suite_.append_attribute("name") = printable(s.value("name", "")).c_str();
    suite_.append_attribute("timestamp") =
        printable(s.value("started_at", "").substr(0, 19)).c_str();  // no zone in the schema
    suite_.append_attribute("hostname") = printable(s.value("host", "")).c_str();
    suite_.append_attribute("time") = fmt::format("{:.3f}", s.value("observed_s", 0.0)).c_str();
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

std::string lines(const json& texts) {
  std::string all;
  for (const json& text : texts) all += text.get<std::string>() + "\n";
  return all;
}

}  // namespace

std::string junit_xml(const json& s) {
  Suite suite(s);
  for (const json& h : s.at("hypotheses")) {
    const std::string body =
        fmt::format("expected: {}\nobserved: {}\n", h.value("expected", ""), h.value("observed", ""));
    if (h.at("held").is_null())
      suite.add(h.value("name", ""), "skipped", "could not be judged: " + h.value("reason", ""), body);
    else if (h.at("held").get<bool>())
      suite.add(h.value("name", ""), nullptr, {}, {});
    else
      suite.add(h.value("name", ""), "failure", broken_text(h), body + h.value("reason", ""));
  }

  for (const json& g : s.at("guards")) {
    const std::string name = "guard: " + g.value("name", "");
    if (!g.value("tripped", false))
      suite.add(name, nullptr, {}, {});
    else
      suite.add(name, "failure", fmt::format("{}: {}", g.value("condition", ""), g.value("observed", "")),
                fmt::format("stopped the run after {:.3f} s\n", g.value("t_s", 0.0)));
  }

  const int exit = s.at("exit_code").get<int>();
  const json& reasons = s.at("reasons");
  if (exit <= 1)
    suite.add("the experiment was conclusive", nullptr, {}, {});
  else
    suite.add("the experiment was conclusive", "error",
              s.value("verdict", "") + (reasons.empty() ? "" : ": " + reasons.at(0).get<std::string>()),
              lines(reasons));

  const json& cleanup = s.at("cleanup");
  if (cleanup.is_null())
    suite.add("cleanup", "skipped", "it was not recorded: the run did not reach its end", {});
  else if (cleanup.at("ok").get<bool>())
    suite.add("cleanup", nullptr, {}, {});
  else
    suite.add("cleanup", "failure", "cleanup was incomplete", lines(cleanup.at("failures")));
  return suite.text();
}

}  // namespace faultline::report
