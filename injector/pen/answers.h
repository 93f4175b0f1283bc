// The selector's second stage, on its way from the score into the kernel: which rules have a filter or a reply, what
// their replies say, which names they are about. Sites without such rules pay for none of it.
#pragma once

#include "faults/score.h"
#include "injector/pen/bpf_object.h"

namespace faultline::pen {

void configure_answers(fl_selector_config& config, const faults::Score& score, const faults::SiteScore& own);
void size_answers(BpfObject& object, const faults::Score& score);        ///< before the object is loaded
void fill_answers(const BpfObject& object, const faults::Score& score);  ///< afterwards

}  // namespace faultline::pen
