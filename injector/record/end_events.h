// The journal's events of steps and of the end: waiting, healing, counting, cleaning up.
#pragma once

#include <string>
#include <tuple>
#include <vector>

#include "injector/base/units.h"
#include "injector/record/account_fields.h"
#include "injector/record/line_fields.h"

namespace faultline::record {

namespace events {

struct Hold {
  std::vector<std::string> faults;

  static constexpr const char* event = "hold";
  static constexpr const char* means = "a run in steps waits in front of some faults; `t` stands still meanwhile";
  static constexpr auto fields = std::tuple{field("faults", &Hold::faults, "their names")};
};

struct GoOn {
  std::vector<std::string> faults;
  Ns waited = 0;

  static constexpr const char* event = "go_on";
  static constexpr const char* means = "the step was confirmed";
  static constexpr auto fields = std::tuple{field("faults", &GoOn::faults, "that begin"),
                                            field("waited", &GoOn::waited, "ns, by which T0 has moved on")};
};

struct Healed {
  std::string why;

  static constexpr const char* event = "healed";
  static constexpr const char* means = "from here on every packet passes";
  static constexpr auto fields = std::tuple{field("why", &Healed::why, "`end`, `abort`")};
};

struct FaultResult : faults::Account {
  static constexpr const char* event = "fault_result";
  static constexpr const char* means = "what a fault did: `Account` in faults/account.h";
  static constexpr const auto& fields = FieldsOf<faults::Account>::fields;
};

struct Line {
  LineStats stats;

  static constexpr const char* event = "line";
  static constexpr const char* means = "how the line fared";
  static constexpr auto fields = std::tuple{field("stats", &Line::stats, "its statistics")};
};

struct Cleanup {
  bool ok = true;
  std::vector<std::string> failures;

  static constexpr const char* event = "cleanup";
  static constexpr const char* means = "what the run had put up was taken away";
  static constexpr const char* shape = "cleanup";
  static constexpr auto fields = std::tuple{field("ok", &Cleanup::ok, "nothing of it is left"),
                                            field("failures", &Cleanup::failures, "what could not be taken away")};
};

struct End {
  static constexpr const char* event = "end";
  static constexpr const char* means = "the journal is complete; without it the run was interrupted";
  static constexpr auto fields = std::tuple{};
};

}  // namespace events
}  // namespace faultline::record
