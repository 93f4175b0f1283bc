#include "base/audit.h"

#include <iostream>
#include <map>

namespace demo {

Audit audit(Store& ledger, const Rules& rules, bool at_rest) {
  return ledger.atomically([&] {
    Audit result;
    std::map<std::string, int> broken;
    for (const auto& rule : rules.all) {
      int& times = broken[rule.name];
      if (rule.at_rest_only && !at_rest) continue;
      for (const auto& row : ledger.run(rule.query)) {
        result.violations.push_back({rule.name, rules.about + row.at(0), rule.what + row.at(1)});
        times++;
      }
    }
    result.json = broken;
    result.json["violations"] = result.violations.size();
    result.json["findings"] = Json::array();
    for (const auto& each : result.violations) result.json["findings"].push_back(each.line());
    result.summary = std::to_string(result.violations.size()) + " violations";
    for (const auto& figure : rules.figures) {
      const std::string number = ledger.one(figure.query);
      result.json[figure.name] = std::stoll(number);
      if (figure.told) result.summary += ", " + number + " " + figure.name;
    }
    return result;
  });
}

int report(const Audit& found, const Options& options) {
  if (options.has("log"))
    Peer(options.url("log"), milliseconds(1000)).post("/findings", found.json.at("findings"), milliseconds(3000));
  if (options.has("json")) {
    std::cout << found.json.dump() << "\n";
    return 0;
  }
  for (const auto& each : found.violations) std::cout << each.line() << "\n";
  std::cout << found.summary << "\n";
  return found.violations.empty() ? 0 : 1;
}

Json FindingsLog::note(const Json& findings) {
  const std::lock_guard lock(mutex_);
  for (const std::string finding : findings)
    if (noted_.insert(finding).second) say("violation: " + finding);
  return {{"state", "NOTED"}};
}

}  // namespace demo
