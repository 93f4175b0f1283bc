// The course of one run, step by step, with everything it holds. The order of its members is the order in which things
// come about; close_everything() takes them apart in the opposite one and writes down what could not be.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "injector/base/realtime.h"
#include "injector/lab/lab.h"
#include "injector/pen/janitor.h"
#include "injector/pen/pen.h"
#include "injector/probe/probe.h"
#include "injector/record/events.h"
#include "injector/record/folding.h"
#include "injector/record/journal.h"
#include "injector/run/compose.h"
#include "injector/run/control.h"
#include "injector/run/guards.h"
#include "injector/run/lock.h"
#include "injector/run/run.h"
#include "injector/run/steps.h"
#include "injector/run/stops.h"
#include "injector/screen/display.h"
#include "injector/site/follow.h"
#include "injector/site/name_watch.h"

namespace faultline::run {

class Session {
 public:
  Session(const plan::Plan& plan, const Options& options, const std::filesystem::path& folder);
  ~Session();

  /// Everything. What goes wrong is in the journal; nothing is thrown but a journal that cannot be written.
  void prepare_and_play();

 private:
  void prepare();
  void start_lab();
  void await_targets();
  std::optional<Stop> follow_targets();
  void lock_namespaces();
  void check_limits();
  void build_pen();
  void move_site(std::size_t index, site::Site place);
  void tell_exempt(const std::vector<std::string>& exempt);
  void make_probers();
  std::optional<NetNs> place_of(const plan::Probe& probe, probe::From& from);
  void play();
  void finish_probes();
  std::optional<Stop> watch(realtime::Urgent& urgent);
  void hold_next();
  std::optional<Stop> confirm_step();
  std::optional<Stop> look_after();
  void inspect(pen::Pen::Look look);
  Ns since_t0(Ns instant) const;
  void tell(record::Remark remark);
  void tell_refusal();
  void ask(const std::string& question);
  void move_clock(Ns epoch);
  void mark_phases(Ns now);
  void heal();
  void settle();
  void report_counts();
  void close_everything();
  void step(const std::string& what);
  void advance(const std::string& what);
  void take_apart_step(const std::string& what);
  Handlers handlers();
  std::string tell_service(const std::string& host, const std::string& event, const std::string& detail);
  void guard_acted(const plan::Guard& guard, const record::GuardTrip& trip);

  const plan::Plan& plan_;
  const Options& options_;
  const std::filesystem::path& folder_;
  Stops stops_;
  Guards guards_;
  pen::Engine engine_;
  std::unique_ptr<nursery::Nursery> nursery_;
  std::unique_ptr<pen::Janitor> janitor_;
  std::unique_ptr<record::Journal> journal_;
  std::unique_ptr<screen::Display> display_;
  std::unique_ptr<lab::Lab> lab_;
  site::Finder finder_;
  std::vector<site::Site> sites_;
  std::vector<std::uint64_t>
      site_spaces_;  ///< network namespaces of the sites, by inode; once there is a follower, its thread's
  Composition composition_;
  std::unique_ptr<pen::Pen> pen_;
  std::unique_ptr<site::NameWatch> names_;
  std::unique_ptr<site::Follower> follower_;
  std::vector<std::unique_ptr<probe::Prober>> probers_;
  Ns epoch_ = 0;
  std::vector<std::pair<Ns, Ns>> waits_;  // by which T0 has moved
  Ns next_told_ = 0;                      // see advance()
  record::Folding remarks_;
  Ns next_look_ = 0, next_inspection_ = 0;
  std::vector<Ns> edges_;       // since T0, ascending: when the programs are to be looked at, whatever the turn
  std::size_t edge_ = 0;        // the next of them
  std::optional<Steps> steps_;  // of a run that waits before each
  std::vector<bool> begun_, ended_;
  std::unique_ptr<Control> control_;  // last: its thread uses what is above
};

}  // namespace faultline::run
