// What this machine allows, and what to do about the rest. Two halves: gather() looks (and, with privilege, tries: in
// namespaces of its own that are gone when it returns), examine() judges what was seen. Judging is a pure function, so
// that it can be tested for machines that are not at hand.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "injector/observe/telemetry/support.h"
#include "injector/pen/attach.h"

namespace faultline::doctor {

/// A program that shipped experiments start.
struct Tool {
  std::string program, package;        ///< package: Debian's, empty when not known
  std::vector<std::string> wanted_by;  ///< experiments
  bool found = false;
};

/// The outcome of an attempt: empty = it worked; absent = it was not tried.
using Trial = std::optional<std::string>;

struct Facts {
  std::string kernel;  ///< uname -r
  int major = 0, minor = 0;
  unsigned cpus = 1;
  bool root = false;               ///< of the machine
  bool user_namespace = false;     ///< root of a user namespace only
  std::uint64_t capabilities = 0;  ///< effective
  std::string container;           ///< "docker", "podman", "lxc" …; empty: none seen
  pen::Features features;
  observe::TelemetrySupport telemetry;
  enum class Tun { usable, absent, denied } tun = Tun::absent;
  bool cgroup2 = false;
  bool own_clock = false;  ///< a time namespace shifts CLOCK_MONOTONIC
  bool autogroup = false;
  std::string lockdown;  ///< "integrity", "confidentiality"; empty: none
  Trial network_namespace, process_namespace, bridge, steering;
  Trial realtime;  ///< a thread in a real-time class
  Trial whole;     ///< the data plane, built and taken down on the loopback device of an empty namespace
  std::vector<std::string> before;  ///< others' programs here that packets meet before any fault
  std::vector<Tool> tools;
};

/// Throws only what a broken machine makes it throw. Call on the main thread, before there are others.
Facts gather(const std::vector<std::string>& experiments);

enum class State { ok, weaker, missing, unknown };

struct Finding {
  std::string topic;
  State state;
  std::string what;    ///< what is there, or what is lost by its absence
  std::string help;    ///< a command or a setting that helps; empty when nothing does
  bool needed = true;  ///< without it no run is possible (when `missing`)
};

struct Report {
  std::vector<Finding> findings;
  pen::Engine engine = pen::Engine::clsact;  ///< that a run would take
  bool can_run = false;
};

Report examine(const Facts& facts);

}  // namespace faultline::doctor
