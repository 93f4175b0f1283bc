// Two banks in two data centres with one ledger: who leads takes entries, the other has a copy of its log and applies
// it in the same order.
//
// The careful leader answers for an entry once the copy has it, so what was acknowledged survives the loss of a site.
// Who leads is told by an epoch. A copy that is told to lead ("POST /lead") has the next one from then on, and refuses
// what comes under an older one; whoever hears of a newer epoch leads no more, and strikes out what the copy never had:
// nobody was told of it. Who leads after such a change-over goes on alone, and ships its log to the other when that is
// back.
//
// The naive ones both take entries, answer at once, and ship what they took every five seconds, to whoever listens.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>

#include "base/service.h"
#include "base/store.h"

namespace demo::payment {

class Pair {
 public:
  /// Does to the ledger what an entry says, within a transaction, and returns what whoever asked is told.
  using Apply = std::function<Json(const Json& entry)>;
  /// Of `options`: copy (the other's URL; without one there is no pair), leads, design.
  Pair(Store& store, const Options& options, Apply apply);

  /// An entry becomes part of the ledger. Throws Status 503 when this one does not lead (it is none, for certain), and
  /// 504 when the copy did not take it in time (nobody knows).
  Json agree(const Json& entry);
  /// POST /log: what the other one ships, {"epoch": 1, "entries": [[seq, "entry"], …]}. Answers with the last it has.
  Json take(const Json& shipment);
  /// POST /lead: leads from now on, under this epoch. Throws Status 409 when there is a newer one.
  Json lead(const Json& asked);
  /// GET /role: {"epoch": 1, "leads": true}
  Json role();
  /// Ships for ever, where there is a pair.
  void ship();

 private:
  struct Role {
    std::int64_t epoch;
    bool leads, alone;
  };
  Role read_role();
  void keep_role(const Role& role);
  void follow(std::int64_t epoch);
  std::int64_t append(const Json& entry, const std::optional<Json>& result);
  std::int64_t last_applied();
  bool ship_once();
  void apply_shipped(std::int64_t last);

  Store& store_;
  const Apply apply_;
  const bool naive_;
  std::optional<Peer> copy_;
  std::int64_t shipped_ = 0;  ///< the last that the copy has, as far as the shipping thread knows
  std::mutex mutex_;
  std::condition_variable changed_;  ///< there is something to ship, or something was shipped
};

}  // namespace demo::payment
