// The machine under a test of real traffic. A test that ran short of the CPU says nothing about what it tests: packets
// come late, and faults are off for longer than the lease, as they have to be. So the tests' main() sees to it that
// they get the CPU before others do, watches what they got, and plays a test that failed while the machine was
// disturbed once more, three times at most. A failure on a machine that was not disturbed counts at once, and one that
// was disturbed each time counts, too, and says so.
#pragma once

#include <functional>
#include <string>

#include "injector/base/clock.h"

namespace faultline::test {

/// Says that something of Faultline's own stood still for so long that the running test shows nothing: `why`, for whom
/// looks at its failure. Beds and runs of the binary say it by themselves.
void disturbed(const std::string& why);
/// The same if a line stood still for longer than the lease.
void disturbed_if_stalled(Ns stalled);

/// GoogleTest's RUN_ALL_TESTS for tests whose outcome rests on the CPU that they get. Ends the process's image in
/// favour of a new one with the same arguments when tests are to be played again. Returns the exit status.
int run_all_steadily(int argc, char** argv);

}  // namespace faultline::test
