#include "findings.h"

namespace demo::home {
namespace {

const std::vector<Rule> kRules{
    {"C1", false, "done so often: ",
     "SELECT device || ' ' || command, count(*) FROM applied GROUP BY device, command HAVING count(*) > 1"},
    {"C2", false, "done so late, in s: ",
     "SELECT device || ' ' || command, printf('%.1f', (max(at) - issued) / 1e6) FROM applied WHERE way <> 'hand'"
     " AND at - issued > 10500000 GROUP BY device, command"},
    {"C3", false, "shown as done, and never done; by: ",
     "SELECT device || ' ' || command, 'the phone' FROM shown WHERE what = 'done' AND NOT EXISTS(SELECT 1 FROM applied"
     " WHERE applied.command = shown.command)"},
    {"C4", false, "nothing was shown for so long, in s: ",
     "SELECT device || ' ' || command, printf('%.1f', ms / 1e3) FROM shown WHERE ms > 5000"},
    {"R1", false, "arrived so often: ",
     "SELECT device || ' ' || seq, count(*) FROM arrived GROUP BY device, seq HAVING count(*) > 1"},
    {"R2", false, "arrived after number ",
     "SELECT device || ' ' || seq, before FROM (SELECT device, seq, max(seq) OVER (PARTITION BY device ORDER BY id"
     " ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before FROM arrived) WHERE seq < before"},
    {"R3", false, "has another value than it was taken with: ",
     "SELECT a.device || ' ' || a.seq, a.value FROM arrived a JOIN taken t USING(device, seq) WHERE a.value <> "
     "t.value"},
    {"R3", false, "has a time that is so far from its own, in s: ",
     "SELECT a.device || ' ' || a.seq, printf('%.1f', abs(a.taken - t.taken) / 1e6) FROM arrived a"
     " JOIN taken t USING(device, seq) WHERE abs(a.taken - t.taken) > 2000000"},
    {"R4", true, "has not arrived; taken at: ",
     "SELECT device || ' ' || seq, taken FROM taken WHERE taken < (SELECT max(taken) FROM taken) - 15000000"
     " AND NOT EXISTS(SELECT 1 FROM arrived a WHERE a.device = taken.device AND a.seq = taken.seq)"},
    {"M1", false, "changed again after so many seconds: ",
     "SELECT who || ' ' || towards || ' at ' || at, printf('%.1f', (at - before) / 1e6) FROM (SELECT *, lag(at) OVER"
     " (PARTITION BY who ORDER BY id) AS before FROM switched) WHERE at - before < 30000000"},
    {"S1", false, "said while so many homes failed: ",
     "SELECT word || ' at ' || at, failing FROM (SELECT word, at, (SELECT failing FROM homes WHERE homes.at <= words.at"
     " ORDER BY homes.at DESC LIMIT 1) AS failing, (SELECT max(known) FROM homes) AS known FROM words)"
     " WHERE word = 'recovered' AND failing > 0.01 * known"},
};

const std::vector<Figure> kFigures{
    {"commands", "SELECT count(DISTINCT command) FROM applied", true},
    {"readings", "SELECT count(*) FROM taken", true},
    {"arrived", "SELECT count(*) FROM arrived"},
    // That an outage bit: commands that came too late, and readings that were kept until they could be sent.
    {"discarded", "SELECT count(DISTINCT command) FROM discarded"},
    {"arrived_late", "SELECT count(*) FROM arrived a JOIN taken t USING(device, seq) WHERE a.at - t.taken > 5000000"},
    {"longest_wait_ms", "SELECT coalesce(max(ms), 0) FROM shown"},
    {"switches", "SELECT count(*) FROM switched"},
    {"most_failing", "SELECT coalesce(max(failing), 0) FROM homes"},
};

}  // namespace

Audit audit_home(const std::string& ledger, const Json& arrived, bool at_rest) {
  Store store(ledger, nullptr);
  store.run(
      "CREATE TEMP TABLE arrived(id INTEGER PRIMARY KEY, device TEXT, seq INTEGER, value INTEGER, taken INTEGER,"
      " at INTEGER)");
  // In one statement: there are thousands of them, and each run() prepares its own.
  store.run(
      "INSERT INTO arrived(device, seq, value, taken, at) SELECT value->>'device', value->>'seq',"
      " value->>'value', value->>'taken', value->>'at' FROM json_each(?) ORDER BY key",
      {arrived.dump()});
  store.run("CREATE INDEX temp.arrived_of ON arrived(device, seq)");
  return audit(store, {kRules, kFigures, ""}, at_rest);
}

}  // namespace demo::home
