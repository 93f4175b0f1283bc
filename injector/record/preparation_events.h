// The journal's events up to T0: what is run, and what was prepared for it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "injector/base/units.h"
#include "injector/record/fields.h"

namespace faultline::record {

namespace events {

struct Machine {
  std::string version;               ///< of Faultline
  std::string kernel;                ///< uname release
  std::string line = {};             ///< how packets are held
  std::string engine = {};           ///< how programs are attached: "tcx" or "clsact"
  std::string host;                  ///< nodename
  std::vector<std::string> command;  ///< argv
  std::vector<std::string> repeat;   ///< what to type to have the same run again, by whatever chance
  bool masked = false;               ///< some of its words hold "***" in place of a secret
};

struct Run : Machine {
  std::string plan, name, title;
  int schema = 0;
  std::uint64_t seed = 0;
  bool seed_given = false;
  double scale = 1;
  std::map<std::string, std::string> vars;
  bool secrets_from_files = false;  ///< the record does not hold them, so they are not found in what services wrote

  static constexpr const char* event = "run";
  static constexpr const char* means = "what is run, where and by what";
  static constexpr auto fields = std::tuple{
      field("schema", &Run::schema, "the version of this list of events and fields: 1; 0 before there was one"),
      field("version", &Machine::version, "of Faultline"),
      field("plan", &Run::plan, "its path"),
      field("name", &Run::name, "the plan's"),
      field("title", &Run::title, "the plan's, for people"),
      field("seed", &Run::seed, "of every random decision"),
      field("seed_given", &Run::seed_given, "by the plan or the command line"),
      field("scale", &Run::scale, "how many times shorter the timeline is"),
      field("vars", &Run::vars, "the plan's variables with the values in force; `***` for secrets"),
      field("secrets_from_files", &Run::secrets_from_files, "a file gave some of them their values (`--var-file`)"),
      field("kernel", &Machine::kernel, "its release"),
      field("line", &Machine::line, "how packets are held: `tap`"),
      field("engine", &Machine::engine, "how programs are attached: `tcx` or `clsact`"),
      field("command", &Machine::command, "the words of the command"),
      field("repeat", &Machine::repeat, "the words of the command that plays it again"),
      field("repeat_masked", &Machine::masked, "it holds `***` in place of a secret"),
      field("host", &Machine::host, "the machine's name")};
};

struct Step {
  std::string what;

  static constexpr const char* event = "step";
  static constexpr const char* means = "a step of the preparation";
  static constexpr auto fields = std::tuple{field("what", &Step::what, "in words")};
};

struct SiteInfo {
  std::string name;  ///< "lab host web1", "netns blue"
  std::uint64_t inode = 0;
  std::vector<std::string> devices;
  std::vector<std::string> rules;  ///< fault names, one a rule

  static constexpr const char* event = "site";
  static constexpr const char* means = "a network namespace in which faults act";
  static constexpr const char* shape = "site";
  static constexpr auto fields =
      std::tuple{field("site", &SiteInfo::name, "its name"), field("inode", &SiteInfo::inode, "of the namespace"),
                 field("devices", &SiteInfo::devices, "that packets of it go through"),
                 field("rules", &SiteInfo::rules, "a fault's name for each")};
};

struct Name {
  std::string name, from;
  std::vector<std::string> addresses;

  static constexpr const char* event = "name";
  static constexpr const char* means = "what a name in a peer's `address` stands for";
  static constexpr auto fields =
      std::tuple{field("name", &Name::name, "the name"), field("from", &Name::from, "the target that asked"),
                 field("addresses", &Name::addresses, "the answer")};
};

struct T0 {
  std::string wall;
  Ns epoch = 0;

  static constexpr const char* event = "t0";
  static constexpr const char* means = "the run begins";
  static constexpr auto fields =
      std::tuple{field("wall", &T0::wall, "T0, RFC 3339 UTC"), field("epoch", &T0::epoch, "T0 in CLOCK_MONOTONIC ns")};
};

}  // namespace events
}  // namespace faultline::record
