// report.html: a run for people who would rather look than read. One file that opens offline: the verdict, what broke
// and why, the run over time, what was asked beside what was applied, and how to repeat it. What must be read stands in
// it as HTML; what can be zoomed is drawn in the browser from page_data.h, by injector/report/page/. Made from the
// journal, as summary.json is, with the plan's text and lines of the services' logs where there are any.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "injector/record/recording.h"
#include "injector/report/summary.h"

namespace faultline::report {

/// Of a run under way.
struct Live {
  std::string text;  ///< what is said of that, as HTML
  std::string tag;   ///< the page asks for its header again (ETag), and for itself once that is another
};

/// What lies beside the journal.
struct Beside {
  std::string plan_text = {};             ///< the plan's, as a file has it
  std::filesystem::path services = {};    ///< the folder with the logs of the lab's services; empty: unknown
  std::vector<std::string> secrets = {};  ///< values that are not to be shown of the logs
  bool other_arms = false;                ///< the folder above is that of all arms
};

/// The page. `summary` is what summarize() made of the same recording.
std::string render_report(const record::Recording& recording, const Summary& summary, const Beside& beside = {},
                          const std::optional<Live>& live = {});

/// What stands on top of a page of a run under way.
std::string live_banner(const Live& live);

}  // namespace faultline::report
