// One run of a plan, from the lab to the verdict. Everything is prepared and attached before T0, inert; then the kernel
// plays the score while this loop only watches: signals, services, devices, the line. Whatever happens, healing comes
// first, then the record, then taking things apart.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "injector/notify/destinations.h"
#include "injector/pen/attach.h"
#include "injector/plan/parse.h"
#include "injector/report/derive.h"
#include "injector/serve/serving.h"

namespace faultline::run {

struct RunOptions {
  std::filesystem::path out;          ///< empty: runs/<UTC time>-<name>
  std::optional<Ns> at;               ///< wall clock of T0
  bool steps = false;                 ///< wait before each fault, until a line is read from standard input
  std::optional<pen::Engine> engine;  ///< absent: the best this kernel has
  bool quiet = false;                 ///< nothing on `screen`
  int screen = 2;                     ///< where progress is drawn
  std::optional<serve::Wish> serve;   ///< absent: nothing listens
  notify::Destinations notify;        ///< who is told of it
  std::vector<std::string> command;   ///< argv, for the record
  std::vector<std::string> repeat;    ///< the words that say the same, without the seed, --at and where to write
};

struct Result {
  report::Outcome outcome;
  std::filesystem::path folder;
  std::vector<std::string> remarks = {};  ///< for people, no part of the record: who could not be told
};

/// Runs. Must be called on the main thread, before any other thread exists: the nursery is forked from it, and signals
/// are blocked in it. Throws Failure when the run could not even get a folder; everything later is in the outcome.
Result run(const plan::Plan& plan, const RunOptions& options);

}  // namespace faultline::run
