// Who is told of a run while it goes on: a TOML file of the user's own, which --notify names. It holds addresses and
// secrets, so it is never the plan, which may be a stranger's, and the record of a run has nothing of it.
// docs/notify.md describes it.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "injector/base/units.h"
#include "injector/plan/parse.h"

namespace faultline::notify {

/// What a webhook may be told of.
enum class Moment {
  begin,  ///< T0
  fault,  ///< each fault, when it begins and when it ends
  guard,  ///< a guard acted, or the run was stopped before its end
  end,    ///< the verdict
};

struct Webhook {
  std::string url;
  bool slack = false;  ///< {"text": …} alone; else the form of docs/notify.md
  std::vector<Moment> on{Moment::begin, Moment::guard, Moment::end};
  std::map<std::string, std::string> headers = {};
};

/// Annotations by Grafana's HTTP API: the run and each fault as a region, each guard as a point.
struct Grafana {
  std::string url;        ///< of the server
  std::string token;      ///< of a service account
  std::string dashboard;  ///< its UID; empty: of the organisation, for any dashboard
  std::vector<std::string> tags = {};
};

/// OpenTelemetry's protocol over HTTP, in JSON: the journal's events as logs, and what /metrics has as metrics.
struct Otlp {
  std::string url;  ///< of the collector; "/v1/logs" and "/v1/metrics" are appended
  std::map<std::string, std::string> headers = {};
  Ns every = 10 * kSecond;  ///< from one export of metrics to the next
};

struct Destinations {
  std::vector<Webhook> webhooks;
  std::optional<Grafana> grafana;
  std::optional<Otlp> otlp;
  /// The variables of the environment that it was read from: what a run starts, which may be a stranger's, shall not
  /// have them.
  std::set<std::string> from_environment = {};
  bool empty() const { return webhooks.empty() && !grafana && !otlp; }
};

/// Reads the file into `to`. The answer has its path and every mistake in it, for plan::render(), and nothing of its
/// text. "env:NAME" stands for what the environment has. Throws Failure(invalid) if the file cannot be read.
plan::Parsed read_destinations(const std::string& path, Destinations& to);

/// "hooks.slack.com": how a destination is called where people read it. A URL may be a secret as a whole.
std::string host_of(const std::string& url);

}  // namespace faultline::notify
