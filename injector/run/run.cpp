#include "injector/run/run.h"

#include <memory>

#include "injector/notify/notifier.h"
#include "injector/run/folder.h"
#include "injector/run/preflight.h"
#include "injector/run/session.h"

namespace faultline::run {

Result run(const plan::Plan& plan, const RunOptions& options) {
  check_privileges();
  Result result;
  result.folder = make_folder(plan, options.out);
  std::unique_ptr<notify::Notifier> notifier;
  if (!options.notify.empty()) notifier = std::make_unique<notify::Notifier>(plan, options.notify);
  try {
    {
      Session session(plan, options, result.folder, notifier.get());
      session.prepare_and_play();
    }
    result.outcome = report::derive(result.folder);
  } catch (
      const std::exception& e) {  // the record could not be written: those who heard that it began wait for its end
    if (notifier) notifier->fail(e.what());
    throw;
  }
  give_to_user(result.folder);
  if (notifier) result.remarks = notifier->finish(result.outcome.summary);
  return result;
}

}  // namespace faultline::run
