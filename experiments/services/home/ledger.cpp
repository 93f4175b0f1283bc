// ledger audit --db URL [--at-rest] [--json] [--log URL] FILE
//
// Says every violation of the rules in findings.h, each with what it is about, and how many there are: from the
// witness's ledger FILE, which may be in use, and from the readings in the cloud's database at URL. With --at-rest all
// is over, and nothing may be missing any more. Exit status: 0 when there is none, 1 when there are, 2 for a wrong
// command line, 4 when one of the two cannot be read. With --json it reports and does not judge: 0 whatever it finds.
// With --log the witness at that URL writes what is found to its log, each finding once.
#include "findings.h"

namespace {
int audit_all(const demo::Options& options) {
  using namespace demo;
  if (options.words.size() != 2 || options.words[0] != "audit")
    throw WrongCommandLine("usage: ledger audit --db URL [--at-rest] [--json] [--log URL] FILE");
  // First what arrived, then what was taken: what comes meanwhile is in the second alone.
  const Reply arrived = Peer(options.url("db"), milliseconds(1000)).get("/readings", milliseconds(15'000));
  if (!arrived.ok() || !arrived.body.is_array()) throw std::runtime_error("the cloud's database does not answer");
  return report(home::audit_home(options.words[1], arrived.body, options.has("at-rest")), options);
}
}  // namespace

int main(int argc, char** argv) {
  auto accepts = demo::kAuditAccepts;
  accepts.options.insert("db");
  return demo::run(argc, argv, accepts, audit_all, 4);
}
