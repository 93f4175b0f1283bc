// The witness's ledger as a file: what `witness` writes, and what `ledger audit` reads.
#pragma once

namespace demo::home {

inline constexpr const char* kWitnessSchema = R"(
-- What a device did, each time that it did it; `way` is where the command came from: lan, home/h0 (the cloud), hand.
CREATE TABLE IF NOT EXISTS applied(id INTEGER PRIMARY KEY, device TEXT, command TEXT, way TEXT, issued INTEGER, at INTEGER);
-- Commands that were too old, and were not done.
CREATE TABLE IF NOT EXISTS discarded(id INTEGER PRIMARY KEY, device TEXT, command TEXT, at INTEGER);
-- Readings as their devices took them.
CREATE TABLE IF NOT EXISTS taken(device TEXT, seq INTEGER, value INTEGER, taken INTEGER, PRIMARY KEY(device, seq));
-- What a phone showed its user, and after how long.
CREATE TABLE IF NOT EXISTS shown(id INTEGER PRIMARY KEY, device TEXT, command TEXT, what TEXT, ms INTEGER, at INTEGER);
-- Phone or hub went local, or back.
CREATE TABLE IF NOT EXISTS switched(id INTEGER PRIMARY KEY, who TEXT, towards TEXT, at INTEGER);
-- What the operator said.
CREATE TABLE IF NOT EXISTS words(id INTEGER PRIMARY KEY, word TEXT, at INTEGER);
-- How many homes were failing, by their own experience, of how many.
CREATE TABLE IF NOT EXISTS homes(id INTEGER PRIMARY KEY, known INTEGER, failing INTEGER, at INTEGER);
CREATE INDEX IF NOT EXISTS applied_of ON applied(device, command);
CREATE INDEX IF NOT EXISTS homes_at ON homes(at);
)";

}  // namespace demo::home
