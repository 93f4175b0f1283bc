#include "audit.h"

namespace demo::payment {
namespace {

const std::vector<Rule> kRules{
    {"I1", false, "debited more than once: ",
     "SELECT purchase, group_concat(channel || ' ' || number, ', ') FROM payments GROUP BY purchase HAVING count(*) > "
     "1"},
    {"I1", false, "asked of another channel, or under another number, before 'not paid' was certain: ",
     "SELECT DISTINCT later.purchase, first.channel || ' ' || first.number || ', then ' || later.channel || ' ' || "
     "later.number"
     " FROM attempts later JOIN attempts first ON first.purchase = later.purchase AND first.id < later.id"
     " AND (first.channel <> later.channel OR first.number <> later.number)"
     " WHERE NOT EXISTS(SELECT 1 FROM closed WHERE closed.channel = first.channel AND closed.number = first.number"
     " AND closed.at < later.at)"
     // One that was long under way, and came to a door that was closed by then, is nobody's decision.
     " AND NOT EXISTS(SELECT 1 FROM closed WHERE closed.channel = later.channel AND closed.number = later.number"
     " AND closed.at < later.at)"},
    // Of which only people know: what was asked before never reached the bank.
    {"I1", false, "shown under another number before 'not paid' was certain: ",
     "SELECT DISTINCT later.purchase, earlier.number || ', then ' || later.number"
     " FROM screens later JOIN screens earlier ON earlier.purchase = later.purchase AND earlier.id < later.id"
     " AND earlier.number <> later.number"
     " WHERE earlier.state = 'UNKNOWN' AND earlier.number <> '' AND later.number <> ''"
     " AND NOT EXISTS(SELECT 1 FROM closed WHERE closed.number = earlier.number AND closed.at < later.at)"},
    {"I2", false, "does not add up to 0, or is another amount: ",
     "SELECT coalesce(number, 'no payment'), coalesce(sum(postings.amount), 0) || ' over ' || count(postings.id) || ' "
     "postings'"
     " FROM payments FULL JOIN postings ON postings.payment = payments.id GROUP BY payments.id, coalesce(payments.id, "
     "postings.id)"
     " HAVING coalesce(sum(postings.amount), 0) <> 0 OR count(postings.id) <> 2 OR payments.id IS NULL"
     " OR max(postings.amount) <> payments.amount"},
    {"I2", false, "shown as paid, and not in the ledger; to: ",
     "SELECT number, who FROM screens WHERE state = 'PAID'"
     " AND NOT EXISTS(SELECT 1 FROM payments WHERE payments.number = screens.number)"},
    {"I2", false, "paid is not what was asked for: ",
     "SELECT DISTINCT p.number, p.amount || ', not ' || a.amount FROM payments p JOIN attempts a"
     " ON a.channel = p.channel AND a.number = p.number AND a.amount <> p.amount"},
    {"I2", false, "paid is not what was shown: ",
     "SELECT DISTINCT p.number, p.amount || ', not ' || s.amount FROM payments p JOIN screens s"
     " ON s.number = p.number AND s.state = 'PAID' AND s.amount NOT IN (0, p.amount)"},
    {"I3", false, "shown as failed, and paid; to: ",
     "SELECT number, who FROM screens WHERE state IN ('FAILED', 'SHUT') AND number <> ''"
     " AND EXISTS(SELECT 1 FROM payments WHERE payments.number = screens.number)"},
    {"I3", false, "shown as failed, and an attempt of it paid; to: ",
     "SELECT purchase, who FROM screens WHERE state IN ('FAILED', 'SHUT') AND EXISTS(SELECT 1 FROM payments"
     " WHERE payments.purchase = screens.purchase AND payments.number <> screens.number"
     " AND (payments.at < screens.at OR screens.state = 'SHUT'))"},
    {"I4", true, "still unknown to: ",
     "SELECT number, who FROM screens s WHERE state IN ('UNKNOWN', 'NONE') AND NOT EXISTS(SELECT 1 FROM screens later"
     " WHERE later.purchase = s.purchase AND later.id > s.id AND later.state IN ('PAID', 'FAILED'))"},
    // A new request, and no retry, is what comes after an earlier number of the purchase was closed: "not paid".
    {"I5", false, "more than 3 attempts reached the bank: ",
     "SELECT purchase, count(*) FROM attempts a GROUP BY purchase, (SELECT count(DISTINCT closed.number) FROM closed"
     " JOIN attempts earlier ON earlier.channel = closed.channel AND earlier.number = closed.number"
     " WHERE earlier.purchase = a.purchase AND closed.at < a.at AND closed.number <> a.number)"
     " HAVING count(*) > 3"},
    {"I5", false,
     "more than 3 attempts for one request: ", "SELECT purchase, attempts FROM screens WHERE attempts > 3"},
    {"I6", false, "the channel's fault shown as the device's; by: ",
     "SELECT purchase, who FROM screens WHERE text LIKE '%device fault%'"},
    {"I6", true, "passed offline, and debited not once but so often: ",
     "SELECT purchase, (SELECT count(*) FROM payments WHERE payments.purchase = screens.purchase) AS times"
     " FROM screens WHERE state = 'OFFLINE' AND times <> 1"},
};

const std::vector<Figure> kFigures{
    {"payments", "SELECT count(*) FROM payments", true},
    {"paid_on_two_channels",
     "SELECT count(*) FROM (SELECT 1 FROM payments GROUP BY purchase HAVING count(DISTINCT channel) > 1)"},
    {"debited_more_than_once", "SELECT count(*) FROM (SELECT 1 FROM payments GROUP BY purchase HAVING count(*) > 1)"},
    // Payments that were acknowledged, and are not there.
    {"lost",
     "SELECT count(DISTINCT number) FROM screens WHERE state = 'PAID'"
     " AND NOT EXISTS(SELECT 1 FROM payments WHERE payments.number = screens.number)"},
    // How long somebody looked at a spinner, at most.
    {"longest_spinner_ms", "SELECT coalesce(max(spinner_ms), 0) FROM screens WHERE who = 'shopper'"},
    // Purchases that did not look paid, and were.
    {"looked_unpaid_and_paid",
     "SELECT count(DISTINCT purchase) FROM screens WHERE state <> 'PAID' AND EXISTS(SELECT 1 FROM payments"
     " WHERE payments.purchase = screens.purchase AND payments.at < screens.at)"},
    // Orders that were shown as unknown and had not been paid, as people were told later.
    {"unknown_and_not_paid",
     "SELECT count(DISTINCT s.number) FROM screens s JOIN screens later ON later.number = s.number AND later.id > s.id"
     " WHERE s.state = 'UNKNOWN' AND later.state = 'FAILED'"},
    {"unknown_without_warning",
     "SELECT count(*) FROM screens WHERE state = 'UNKNOWN' AND text NOT LIKE '%do not pay again%'"},
    // Second taps that led to another order while nobody knew what had become of the first.
    {"new_order_while_unsure",
     "SELECT count(*) FROM screens s JOIN attempts a ON a.purchase = s.purchase AND a.number <> s.number AND a.at < "
     "s.at"
     " WHERE s.who = 'shopper' AND s.number <> '' AND NOT EXISTS(SELECT 1 FROM closed"
     " WHERE closed.channel = a.channel AND closed.number = a.number AND closed.at < s.at)"},
};

}  // namespace

Rules invariants() { return {kRules, kFigures, "order "}; }

}  // namespace demo::payment
