// summary.json: the verdict and the figures behind it, for programs. Its fields are a contract: docs/summary.md.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "injector/record/recording.h"
#include "injector/record/verdict.h"

namespace faultline::report {

nlohmann::json summarize(const record::Recording& recording, const record::Verdict& verdict);

/// A quantile of a phase of a summary: "412 ms", "never" where so many failed, nothing where there was no request.
/// `whose`: "latency_ms", "ok_latency_ms", "failed_latency_ms".
std::string latency_text(const nlohmann::json& phase, const char* whose, const char* quantile);

/// A line for each hypothesis that did not hold, the first thing that a reader wants to know: "NAME: probe pay during
/// room-jitter: expected p99 <= 250ms, observed p99 412 ms".
std::vector<std::string> broken_hypotheses(const nlohmann::json& summary);
/// One of them, without its name.
std::string broken_text(const nlohmann::json& hypothesis);

}  // namespace faultline::report
