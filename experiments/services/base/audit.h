// An audit of what a demo's witness wrote down: rules that hold whatever the network does, each a query whose rows are
// violations. Which rules, and from which ledger, is a demo's own (payment/audit.cpp, home/findings.cpp); what is said
// of the violations is the same for all.
#pragma once

#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "base/options.h"
#include "base/service.h"
#include "base/store.h"

namespace demo {

struct Rule {
  const char* name;   ///< "I1": of several rules with one name each is a way to break it
  bool at_rest_only;  ///< asked only when all is over and has had its time
  const char* what;   ///< before the second column of the query
  const char* query;  ///< what it is about, and what to say of it: one row a violation
};

/// What a plan asks besides. Those that are `told` end the audit's last line.
struct Figure {
  const char* name;
  const char* query;  ///< one number
  bool told = false;
};

struct Rules {
  std::vector<Rule> all;
  std::vector<Figure> figures;
  const char* about;  ///< before what a violation is about: "order "
};

struct Violation {
  std::string rule, about, what;
  std::string line() const { return rule + " " + about + ": " + what; }
};

struct Audit {
  std::vector<Violation> violations;
  /// {"violations": 2, "I1": 2, …, "findings": ["I1 order n1: …", …], and the figures}
  Json json;
  std::string summary;  ///< "2 violations, 7 payments"
};

/// Of one state of the ledger, though others go on writing it. Throws std::runtime_error.
Audit audit(Store& ledger, const Rules& rules, bool at_rest);

/// What `ledger audit` takes besides what a demo's own does.
inline const Accepts kAuditAccepts{.options = {"log"}, .flags = {"at-rest", "json"}, .words = true};
/// What `ledger audit` says: with --json that, and 0 whatever was found; else each violation, and 1 if there are any.
/// With --log who is at that URL writes what was found to its log, each finding once.
int report(const Audit& found, const Options& options);

/// The log that findings of audits are written to, each once, however often it is found.
class FindingsLog {
 public:
  /// POST /findings: an array of lines.
  Json note(const Json& findings);

 private:
  std::mutex mutex_;
  std::set<std::string> noted_;
};

}  // namespace demo
