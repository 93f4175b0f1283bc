// Telling the journal what happens: a function for each event of schema.h, for the run's loop.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "injector/base/error.h"
#include "injector/plan/plan.h"
#include "injector/record/journal.h"
#include "injector/record/schema.h"

namespace faultline::record {

using faults::Account;

/// In one sentence: what, where, since when, until when, and how much it let by.
std::string escape_text(const Escape& escape);

namespace events {

enum class By { signal, guard, lease, device, target, journal, user };  ///< who stopped the run

void run(Journal& journal, const plan::Plan& plan, const Machine& machine);
/// The names of the sites that a fault acts at, by which its chance is drawn.
using Links = std::function<std::vector<std::string>(const plan::Fault&)>;
/// Everything that the verdict needs from the plan; also tells the journal how to batch samples. Before any sample.
void plan(Journal& journal, const plan::Plan& plan, const Links& links = {});
void step(Journal& journal, const std::string& what);
void site(Journal& journal, const SiteInfo& info);
/// Sets the journal's epoch as well. `epoch` is CLOCK_MONOTONIC; `wall` the same instant on CLOCK_REALTIME.
void t0(Journal& journal, Ns epoch, Ns wall);
/// A run in steps waits in front of these faults, and goes on after `waited`.
void hold(Journal& journal, const std::vector<std::string>& faults);
void go_on(Journal& journal, const std::vector<std::string>& faults, Ns waited);
/// `planned` is the kernel's instant; the difference to the line's own "t" is when the loop noticed.
void fault_begin(Journal& journal, const std::string& fault, Ns planned);
void fault_end(Journal& journal, const std::string& fault, Ns planned);
void telemetry(Journal& journal, const Telemetry& telemetry);
void uncounted(Journal& journal, const Uncounted& uncounted);
void seen(Journal& journal, const Seen& seen);
void watched(Journal& journal, const Watched& watched);
void traffic(Journal& journal, const Traffic& traffic);
void contention(Journal& journal, const Contention& contention);
void service(Journal& journal, const std::string& host, const std::string& what, const std::string& detail = {});
/// A name in a peer's address, as `asked_from` (a target) resolves it at the start.
void name(Journal& journal, const std::string& name, const std::string& asked_from,
          const std::vector<std::string>& addresses);
/// An answer of the DNS told a target (of `site`) an address of a name in a peer's address that was not known before.
void learned(Journal& journal, const std::string& name, const std::string& site, const std::string& address);
/// A target went, came back as another, or is out of reach: "gone", "replaced", "lost". `gap`: from when to when at
/// most, since T0, what was replaced had no faults.
void target(Journal& journal, const std::string& target, const std::string& what, const std::string& detail,
            const std::optional<std::pair<Ns, Ns>>& gap = {});
/// When it begins, when it ends, and once more at the run's end while it goes on.
void escape(Journal& journal, const Escape& escape);
void warning(Journal& journal, const std::string& message);
/// The line stood still for `length`, from `from` on (since T0): the lease lapsed, faults were off.
void lapse(Journal& journal, Ns from, Ns length);
/// What somebody had to say while the run was under way. `by`: who, "alice".
void note(Journal& journal, const std::string& text, const std::string& by);
/// A guard acted: the run is being healed. abort() follows, from the run's loop.
void guard(Journal& journal, const plan::Guard& guard, const GuardTrip& trip);
/// The run was stopped before its end. `when`: since T0; absent before T0.
void abort(Journal& journal, By by, const std::string& reason, std::optional<Ns> when = {});
/// The run could not be done, or went wrong by our own fault. `status`: invalid, cannot_run or failed.
void failure(Journal& journal, Exit status, const std::string& message);
void fault_result(Journal& journal, const Account& account);
/// The line's statistics at its end.
void line(Journal& journal, const LineStats& stats);
void healed(Journal& journal, const std::string& why);  ///< "end", "abort"
void cleanup(Journal& journal, const std::vector<std::string>& failures);
/// The last line of a journal. Without it the run was interrupted.
void end(Journal& journal);

}  // namespace events
}  // namespace faultline::record
