#include <fmt/format.h>

#include "injector/base/text.h"
#include "injector/report/summary_telemetry.h"

namespace faultline::report {
namespace {

std::string counted(std::uint64_t n, const char* one, const char* more) {
  return fmt::format("{} {}", thousands(n), n == 1 ? one : more);
}

}  // namespace

std::string trouble_text(const record::ConnectionCounts& counts) {
  std::string text;
  const auto add = [&](const std::string& part) { text += (text.empty() ? "" : ", ") + part; };
  if (counts.retransmits > 0) {
    add(counted(counts.retransmits, "retransmission", "retransmissions"));
    std::string of_these;
    if (counts.retransmits_ours > 0) of_these = fmt::format("{} ours", thousands(counts.retransmits_ours));
    if (counts.timeouts > 0)
      of_these += fmt::format("{}{} by timeout", of_these.empty() ? "" : ", ", thousands(counts.timeouts));
    if (!of_these.empty()) text += " (" + of_these + ")";
  }
  if (counts.resets_sent > 0) add(counted(counts.resets_sent, "reset sent", "resets sent"));
  if (counts.resets_received > 0) add(counted(counts.resets_received, "reset received", "resets received"));
  if (const auto failed = counts.all_failed(); failed > 0) {
    std::string errors;
    for (const auto& [error, count] : counts.failed)
      errors += fmt::format("{}{} {}", errors.empty() ? "" : ", ", error, thousands(count));
    add(fmt::format("{} of {} it opened failed ({})", thousands(failed),
                    counted(failed + counts.opened, "connection", "connections"), errors));
  }
  return text;
}

}  // namespace faultline::report
