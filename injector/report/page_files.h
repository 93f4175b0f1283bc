// The files of injector/report/page/, and the charts' library, as the build has put them into this binary
// (injector/report/page/embed.cmake). None of them holds anything of a run.
#pragma once

#include <string_view>

namespace faultline::report {

/// A page's frame, with {{policy}}, {{title}}, {{style}} and {{body}} to be filled.
extern const std::string_view kPageFrame;
/// What stands in <style> and in <script>, and the SHA-256 of each as a content security policy has it: "sha256-…".
extern const std::string_view kPageStyle, kPageStyleHash, kPageScript, kPageScriptHash;

}  // namespace faultline::report
