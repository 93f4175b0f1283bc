#include "injector/run/run.h"

#include "injector/run/folder.h"
#include "injector/run/preflight.h"
#include "injector/run/session.h"

namespace faultline::run {

Result run(const plan::Plan& plan, const RunOptions& options) {
  check_privileges();
  Result result;
  result.folder = make_folder(plan, options.out);
  {
    Session session(plan, options, result.folder);
    session.prepare_and_play();
  }
  result.outcome = report::derive(result.folder);
  give_to_user(result.folder);
  return result;
}

}  // namespace faultline::run
