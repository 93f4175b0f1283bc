// What a fault was asked to do, in words and in figures: for the journal, for the screen, and for `faultline explain`.
// Values are written as a plan writes them, whatever the plan at hand had ("0.2s" is "200ms").
#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "injector/plan/plan.h"

namespace faultline::plan {

/// A key of the fault's kind that was given a value.
struct Given {
  const faults::Key* key;
  std::string value;  ///< as a plan would write it
};
/// Those of a fault, without what is the default or does nothing.
std::vector<Given> given(const Fault& fault);

/// The kind's keys and their values ("delay": "200ms"), defaults included.
std::map<std::string, std::string> asked(const Fault& fault);
/// The same in one line, without what is at its default: "delay 200ms, loss 12%".
std::string asked_text(const Fault& fault);

/// The values of fault_keys(), by name, as JSON has them: true and false, else text as in a plan.
std::map<std::string, nlohmann::json> common_values(const Fault& fault);

/// The delay that lateness is measured against: the greatest that is asked at any time.
Ns asked_delay(const Fault& fault);
/// The greatest loss that is asked at any time.
double asked_loss(const Fault& fault);

/// What a fault asks of packets that it delays, by quantiles over the time in which it does, in microseconds.
struct AskedDelay {
  double p50 = 0, p90 = 0, p99 = 0, max = 0;
};

/// What a fault is at the sites that are called `links`, of 32 of them: more say no more. Empty: it has no kind.
std::vector<faults::Channel> channels_at(const Plan& plan, const Fault& fault, const std::vector<std::string>& links);
/// Nothing: they ask for no delay, or for one that depends on the traffic (a rate).
std::optional<AskedDelay> asked_delays(const std::vector<faults::Channel>& channels);
/// The spans in which any of them does anything, in order: a fault's episodes, or all of its window.
std::vector<faults::Window> acting(const std::vector<faults::Channel>& channels);

/// From what all of a fault's chance is drawn.
std::uint64_t seed_of(const Plan& plan, const Fault& fault);

}  // namespace faultline::plan
