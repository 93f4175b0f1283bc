// What a run stands on: the lab, if the plan has one, and the sites that its targets are. Found and made before
// anything of ours comes near a packet, and left last.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "injector/lab/lab.h"
#include "injector/plan/plan.h"
#include "injector/record/journal.h"
#include "injector/run/control.h"
#include "injector/run/stops.h"
#include "injector/run/telling.h"
#include "injector/screen/display.h"
#include "injector/site/site.h"

namespace faultline::run {

class Grounds {
 public:
  Grounds(const plan::Plan& plan, Stops& stops, record::Journal& journal, screen::Display& display, Control& control,
          Telling& telling)
      : plan_(plan), stops_(stops), journal_(journal), display_(display), control_(control), telling_(telling) {}

  /// Builds the lab and waits until its services are ready. `logs` is where they write.
  void build_lab(nursery::Nursery& nursery, const std::filesystem::path& logs);
  /// Waits for targets that may start late, and finds them all.
  void find_sites();
  /// Stops the services and takes the lab apart; returns what failed.
  std::vector<std::string> leave();

  lab::Lab* lab() const { return lab_.get(); }                             ///< null: none
  const site::LabView* view() const { return view_ ? &*view_ : nullptr; }  ///< of it, once the sites were found
  const site::Finder& finder() const { return finder_; }
  /// As they were found; the pen takes them.
  std::vector<site::Site>& sites() { return sites_; }

 private:
  void await_targets();

  const plan::Plan& plan_;
  Stops& stops_;
  record::Journal& journal_;
  screen::Display& display_;
  Control& control_;
  Telling& telling_;
  std::unique_ptr<lab::Lab> lab_;
  std::optional<site::LabView> view_;
  site::Finder finder_;
  std::vector<site::Site> sites_;
};

}  // namespace faultline::run
