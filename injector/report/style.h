// A page of ours: its frame, its look (injector/report/page/), and a content security policy by which it loads nothing
// and runs nothing but what the build has put into it.
#pragma once

#include <string>

namespace faultline::report {

/// What stands above a page's body; texts are HTML already. What it looks like is page.css alone: no other style is let
/// in.
struct PageHead {
  std::string title, description = "";
  bool scripted = false;  ///< kPageScript may run in it
  bool live = false;      ///< it is of a run under way, and asks for itself again
};
/// A page up to what stands in its body.
std::string page_begin(const PageHead& head);
inline constexpr const char* kPageEnd = "</body></html>\n";

}  // namespace faultline::report
