// ledger audit --db URL [--at-rest] [--json] [--log URL] FILE
//
// Says every violation of the rules in findings.h, each with what it is about, and how many there are: from the
// witness's ledger FILE, which may be in use, and from the readings in the cloud's database at URL. With --at-rest all
// is over, and nothing may be missing any more. Exit status: 0 when there is none, 1 when there are, 3 for a wrong
// command line, 4 when one of the two cannot be read. With --json it reports and does not judge: 0 whatever it finds.
// With --log the witness at that URL writes what is found to its log, each finding once.
#include "findings.h"

#include <iostream>

#include "parts.h"

namespace {
int audit_all(const home::Options& options) {
  using namespace home;
  if (options.words.size() != 2 || options.words[0] != "audit")
    throw payment::WrongCommandLine("usage: ledger audit --db URL [--at-rest] [--json] [--log URL] FILE");
  // First what arrived, then what was taken: what comes meanwhile is in the second alone.
  const Reply arrived = Peer(options.get("db"), milliseconds(1000)).get("/readings", milliseconds(5000));
  if (!arrived.ok() || !arrived.body.is_array()) throw std::runtime_error("the cloud's database does not answer");
  const Findings found = audit(options.words[1], arrived.body, options.has("at-rest"));
  if (options.has("log"))
    Peer(options.get("log"), milliseconds(1000)).post("/findings", found.json().at("findings"), milliseconds(3000));
  if (options.has("json")) {
    std::cout << found.json().dump() << "\n";
    return 0;
  }
  for (const auto& each : found.all) std::cout << each.rule << " " << each.about << ": " << each.what << "\n";
  std::cout << found.all.size() << " violations, " << found.figures.at("commands") << " commands, "
            << found.figures.at("readings") << " readings\n";
  return found.all.empty() ? 0 : 1;
}
}  // namespace

int main(int argc, char** argv) {
  return payment::run(argc, argv, {{"db", "log"}, {"at-rest", "json"}, true}, audit_all, 4);
}
