// What a run and other processes say to each other at its control socket: one JSON object a message (docs/control.md).
// control.h is the run's side, running.h the other one. Each message is a struct that names its fields once
// (record/fields.h): one side writes what the other reads.
#pragma once

#include <sys/types.h>

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "injector/base/units.h"
#include "injector/record/fields.h"

namespace faultline::run {

enum class State {
  unknown,  ///< it does not answer, or is of another version
  preparing,
  running,
  waiting,  ///< for the confirmation of a step
  ending,
};

/// What a run says of itself.
struct About {
  std::string name, title, version;
  std::string plan, folder;
  State state = State::unknown;
  std::string step;
  std::vector<std::string> phases, sites, hosts;
  std::optional<double> t_s, left_s;
  double duration_s = 0;

  static constexpr const char* shape = "about";
  static constexpr auto fields = std::tuple{
      record::field("name", &About::name, "the plan's: its file's, without the ending"),
      record::field("title", &About::title, "the plan's"),
      record::field("version", &About::version, "Faultline's"),
      record::field("plan", &About::plan, "its file; an absolute path"),
      record::field("folder", &About::folder, "of its record; an absolute path"),
      record::field("state", &About::state,
                    "`preparing`, `running`, `waiting` (for the confirmation of a step), `ending`"),
      record::field("step", &About::step,
                    "while preparing: what is being done; while waiting: the faults that come next; else empty"),
      record::field("phases", &About::phases,
                    "while running: the phases that it is in; several where faults overlap, none between faults"),
      record::field("sites", &About::sites, "what it has locked: `lab host web1`, `netns blue`"),
      record::field("hosts", &About::hosts, "of its lab"),
      record::field("t_s", &About::t_s, "since T0, seconds; null before T0 is known, negative while `--at` waits"),
      record::field("left_s", &About::left_s, "to the end of the plan, seconds; null before T0 is known"),
      record::field("duration_s", &About::duration_s, "of the plan, seconds")};
};

/// What a request begins with.
struct Verb {
  std::string verb;

  static constexpr auto fields =
      std::tuple{record::field("do", &Verb::verb, "which request: `about`, `stop`, `note`, `enter`")};
};

/// The answer to a request that was not met: nothing was done.
struct Refused {
  std::string error;
  int exit = 4;

  static constexpr auto fields =
      std::tuple{record::field("error", &Refused::error, "why nothing was done"),
                 record::field("exit", &Refused::exit, "the exit status that it stands for")};
};

struct AboutAnswer : About {
  int protocol = 1;
  pid_t pid = 0;

  static constexpr auto fields =
      std::tuple{record::field("protocol", &AboutAnswer::protocol, "1"),
                 record::field("pid", &AboutAnswer::pid, "as the run sees it; `list --json` has it as the caller does"),
                 record::Among<About>{"what a run says of itself"}};
};

struct AboutRequest {
  using Answer = AboutAnswer;
  static constexpr const char* verb = "about";
  static constexpr const char* means = "asks what the run is; anybody may";
  static constexpr std::tuple<> fields{};
};

struct StopAnswer {
  bool stopping = true;

  static constexpr auto fields = std::tuple{record::field("stopping", &StopAnswer::stopping, "true")};
};

/// Comes after a StopAnswer.
struct Healed {
  bool healed = false;
  Ns mono = 0;

  static constexpr auto fields = std::tuple{record::field("healed", &Healed::healed, "true: every fault is off"),
                                            record::field("mono", &Healed::mono, "since when; CLOCK_MONOTONIC, ns")};
};

struct StopRequest {
  using Answer = StopAnswer;
  std::string who = "somebody";

  static constexpr const char* verb = "stop";
  static constexpr const char* means = "asks it to heal and to end";
  static constexpr auto fields =
      std::tuple{record::field("who", &StopRequest::who, "who asks, for the record: `alice`")};
};

struct NoteAnswer {
  bool noted = true;
  std::optional<double> t_s;

  static constexpr auto fields =
      std::tuple{record::field("noted", &NoteAnswer::noted, "true"),
                 record::field("t_s", &NoteAnswer::t_s, "when, since T0, seconds; null before T0 is known")};
};

struct NoteRequest {
  using Answer = NoteAnswer;
  std::string text;
  std::string who = "somebody";

  static constexpr const char* verb = "note";
  static constexpr const char* means = "asks it to write a remark into its journal";
  static constexpr auto fields = std::tuple{record::field("text", &NoteRequest::text, "the remark"),
                                            record::field("who", &NoteRequest::who, "whose remark it is: `alice`")};
};

struct EnterAnswer {
  std::string enter;
  std::map<std::string, std::string> environment;

  static constexpr auto fields =
      std::tuple{record::field("enter", &EnterAnswer::enter, "the host"),
                 record::field("environment", &EnterAnswer::environment, "of its command, by name")};
};

/// The answer has six descriptors beside it: network, mount, UTS and IPC namespace, root folder, PID namespace.
struct EnterRequest {
  using Answer = EnterAnswer;
  std::string host;

  static constexpr const char* verb = "enter";
  static constexpr const char* means = "asks for a way into a host of its lab";
  static constexpr auto fields = std::tuple{record::field("host", &EnterRequest::host, "its name")};
};

}  // namespace faultline::run

namespace faultline::record {

inline constexpr std::pair<run::State, std::string_view> kStates[] = {{run::State::unknown, ""},
                                                                      {run::State::preparing, "preparing"},
                                                                      {run::State::running, "running"},
                                                                      {run::State::waiting, "waiting"},
                                                                      {run::State::ending, "ending"}};
template <>
struct WordOf<run::State> : Words<run::State, kStates> {};

}  // namespace faultline::record
