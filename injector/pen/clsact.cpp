#include "injector/pen/clsact.h"

#include "injector/base/error.h"

namespace faultline::pen {

struct ClassicFilter::State {};
ClassicFilter::ClassicFilter(int, int, Hook, const std::string&, const NetNs&, Janitor*, bool) {
  throw Failure(Exit::cannot_run, "kernels without TCX (before 6.6) are not supported yet");
}
ClassicFilter::~ClassicFilter() = default;
void ClassicFilter::close() {}

}  // namespace faultline::pen
