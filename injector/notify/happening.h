// What is told of a run: a line of the journal, or the verdict, with what people are to read of it.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "injector/notify/destinations.h"
#include "injector/report/summary.h"

namespace faultline::notify {

struct Happening {
  std::string event;             ///< as webhooks have it: "begin", "fault_begin", …; of others the journal's name
  std::optional<Moment> moment;  ///< absent: no webhook hears of it
  Ns wall = 0;                   ///< when it happened, CLOCK_REALTIME
  std::string text;              ///< one line for people, in which everything can be seen
  std::string fault;             ///< whose begin or end it is
  bool grave = false;            ///< it is to be looked at: a guard, a warning, a run that did not pass
  nlohmann::json details;        ///< the journal's line, or what is told of the verdict
};

/// Whether a journal's event is told to anybody. Quick.
bool is_told(const char* event);

/// From a line of the journal that was written at `wall`; nothing: it says nothing to others.
std::optional<Happening> read_line(const plan::Plan& plan, const std::string& line, Ns wall);

/// The verdict, as event "end".
Happening read_verdict(const report::Summary& summary, Ns wall);

/// The body of a webhook's request.
std::string webhook_body(const Webhook& to, const plan::Plan& plan, const Happening& what);

}  // namespace faultline::notify
