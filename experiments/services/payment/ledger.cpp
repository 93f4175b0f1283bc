// ledger audit [--at-rest] [--json] [--log URL] FILE
// ledger goods --merchant URL FILE
// ledger same --with URL FILE
//
// Says every violation of the invariants I1 to I6 (audit.h) in the bank's ledger, each with its order, and how many
// there are. FILE may be in use. With --at-rest all is over, and nothing may be open any more. Exit status: 0 when
// there is none, 1 when there are, 2 for a wrong command line, 4 when the ledger cannot be read. With --json it reports
// and does not judge: 0 whatever it finds. With --log the bank at URL writes what is found to its log, each finding
// once.
//
// `goods` compares the ledger with what the merchant has handed out, and prints as JSON how many payments of more than
// 5 s ago the merchant knows nothing of ("untold"), how many goods were handed out more than once, and how many without
// a payment. Exit status 0 when the two could be compared, 4 when not. `same` compares it with the ledger of the bank
// at URL, and prints how many payments of more than 2 s ago only one of the two has ("differ").
#include "audit.h"
#include "base/service.h"
#include "base/store.h"

#include <iostream>

#include "bank.h"

namespace demo::payment {
namespace {

/// Throws std::runtime_error when the merchant does not answer.
Json compare_goods(const std::string& ledger, const std::string& merchant) {
  const std::int64_t old = now_us() - 5'000'000;
  const Reply reply = Peer(merchant, milliseconds(1000)).get("/goods", milliseconds(3000));
  if (!reply.ok() || !reply.body.is_object()) throw std::runtime_error("the merchant does not say what it handed out");
  Json goods = reply.body;
  int untold = 0, more_than_once = 0;
  for (const auto& times : goods) more_than_once += times > 1;
  Store store(ledger, nullptr);
  for (const auto& row : store.run("SELECT purchase, min(at) FROM payments GROUP BY purchase")) {
    if (!goods.contains(row[0])) untold += std::stoll(row[1]) < old;
    goods.erase(row[0]);
  }
  return {{"untold", untold}, {"more_than_once", more_than_once}, {"unpaid", goods.size()}};
}

/// Throws std::runtime_error when the other bank does not answer.
Json compare_payments(const std::string& ledger, const std::string& other) {
  const Reply reply = Peer(other, milliseconds(1000)).get("/payments", milliseconds(3000));
  if (!reply.ok() || !reply.body.is_object()) throw std::runtime_error("the other bank does not say what was paid");
  std::map<std::string, int> owners;  // a payment, and how many of the two have it
  const auto count = [&, old = now_us() - 2'000'000](const std::string& payment, std::int64_t at) {
    if (at < old) owners[payment]++;
  };
  for (const auto& [payment, at] : reply.body.items()) count(payment, at);
  Store store(ledger, nullptr);
  for (const auto& row : store.run(kPaymentsMade)) count(row[0], std::stoll(row[1]));
  int differ = 0;
  for (const auto& [payment, times] : owners) differ += times != 2;
  return {{"differ", differ}, {"payments", owners.size()}};
}

int judge(const Options& options) {
  const std::string what = options.words.size() == 2 ? options.words[0] : "";
  if (what != "audit" && what != "goods" && what != "same")
    throw WrongCommandLine(
        "usage: ledger audit [--at-rest] [--json] [--log URL] FILE, ledger goods --merchant URL FILE, or ledger same "
        "--with URL FILE");
  const std::string& file = options.words[1];
  if (what == "same") {
    std::cout << compare_payments(file, options.url("with")).dump() << "\n";
    return 0;
  }
  if (what == "goods") {
    std::cout << compare_goods(file, options.url("merchant")).dump() << "\n";
    return 0;
  }
  Store store(file, nullptr);
  return report(audit(store, invariants(), options.has("at-rest")), options);
}

}  // namespace
}  // namespace demo::payment

int main(int argc, char** argv) {
  auto accepts = demo::kAuditAccepts;
  accepts.options.insert({"merchant", "with"});
  return demo::run(argc, argv, accepts, demo::payment::judge, 4);
}
