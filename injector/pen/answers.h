// The selector's second stage, on its way from the score into the kernel: which rules have a filter or a verdict, what
// their verdicts say, which names they are about. A site without such rules pays for none of it.
#pragma once

#include "faults/score.h"
#include "injector/pen/bpf_object.h"

namespace faultline::pen {

void configure_answers(fl_selector_config& config, const faults::Score& score, const faults::SiteScore& own);
/// Before the object is loaded. `first` is the selector of the first site, with which the table of new connections is
/// shared.
void size_answers(BpfObject& object, const faults::Score& score, const faults::SiteScore& own, const BpfObject* first);
/// Afterwards.
void fill_answers(const BpfObject& object, const faults::Score& score, const faults::SiteScore& own);

}  // namespace faultline::pen
