// When a probe began to fail and when it succeeded again, and when the number in its answers became another one, as
// marks of the timeline. A command that is asked once, or once a second, says what state something is in: it is the
// changes that are read, and in a chart of counts they are a pixel.
#pragma once

#include <vector>

#include "injector/record/recording.h"
#include "injector/report/page_data.h"

namespace faultline::report {

/// Of one probe, in order of time. Where its outcome changed more than kMostChanges times, the first failure and the
/// last return are left; a value that changed as often is a measure, which has a chart, and has none.
inline constexpr std::size_t kMostChanges = 24;
std::vector<PageMark> changes_of(const record::ProbeRecord& probe);

}  // namespace faultline::report
