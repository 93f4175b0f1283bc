// The bank's ledger as a file: what the bank writes, and what `ledger audit` reads.
#pragma once

namespace demo::payment {

inline constexpr const char* kLedgerSchema = R"(
-- A payment made. A channel that asks again under the same order number is told of the one there is.
CREATE TABLE IF NOT EXISTS payments(id INTEGER PRIMARY KEY, channel TEXT, number TEXT, purchase TEXT, amount INTEGER,
                                    at INTEGER, UNIQUE(channel, number));
-- Money moves from one account to another: two postings, which add up to 0.
CREATE TABLE IF NOT EXISTS postings(id INTEGER PRIMARY KEY, payment INTEGER, account TEXT, amount INTEGER);
-- "Not paid, and never will be": what is asked under such a number later is refused.
CREATE TABLE IF NOT EXISTS closed(channel TEXT, number TEXT, at INTEGER, PRIMARY KEY(channel, number));
-- Each time that a channel asked for money, whatever came of it.
CREATE TABLE IF NOT EXISTS attempts(id INTEGER PRIMARY KEY, channel TEXT, number TEXT, purchase TEXT, amount INTEGER,
                                    at INTEGER);
-- What people were shown, as they tell it themselves: PAID, UNKNOWN, FAILED, OFFLINE (a gate that let someone pass), NONE
-- (a spinner that did not end). `amount` is 0 where they were not told one.
CREATE TABLE IF NOT EXISTS screens(id INTEGER PRIMARY KEY, purchase TEXT, number TEXT, state TEXT, text TEXT, who TEXT,
                                   spinner_ms INTEGER, attempts INTEGER, amount INTEGER, at INTEGER);
-- Of two banks with one ledger (pair.h): the entries in their order, what whoever asked for one was told, and who leads.
CREATE TABLE IF NOT EXISTS log(seq INTEGER PRIMARY KEY, entry TEXT, result TEXT, applied INTEGER);
CREATE INDEX IF NOT EXISTS log_waiting ON log(seq) WHERE applied = 0;
CREATE TABLE IF NOT EXISTS role(one INTEGER PRIMARY KEY CHECK(one = 1), epoch INTEGER, leads INTEGER, alone INTEGER);
CREATE INDEX IF NOT EXISTS payments_of ON payments(purchase);
CREATE INDEX IF NOT EXISTS payments_numbered ON payments(number);
CREATE INDEX IF NOT EXISTS postings_of ON postings(payment);
CREATE INDEX IF NOT EXISTS attempts_of ON attempts(purchase);
CREATE INDEX IF NOT EXISTS screens_of ON screens(purchase);
)";

/// Each payment by a name of its own, and when it was asked for (us).
inline constexpr const char* kPaymentsMade = "SELECT channel || ' ' || number, at FROM payments";

}  // namespace demo::payment
