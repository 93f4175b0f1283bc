// A full disk, for real: a tmpfs of 64 kB in a mount namespace of a child's own. Needs root.
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

#include "injector/record/journal.h"
#include "injector/record/schema.h"
#include "injector/report/derive.h"

namespace faultline::record {
namespace {

/// In the child. 0: as it should be; anything else names the step that was not.
int fill_a_disk(const char* folder) {
  if (unshare(CLONE_NEWNS) != 0 || mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return 10;
  if (mount("tmpfs", folder, "tmpfs", 0, "size=64k") != 0) return 11;
  Journal journal(folder);
  for (int i = 0; i < 5000; ++i) journal.sample("pay", {0, i * kMillisecond, 0, kMillisecond, true, ""});
  try {
    journal.flush();
    return 12;
  } catch (const std::system_error& e) {
    if (e.code().value() != ENOSPC) return 13;
  }
  if (!journal.failed() || journal.failure().find("journal.jsonl") == std::string::npos) return 14;
  journal.write(record::events::End{});  // must neither throw nor block
  try {
    report::derive(folder);  // summary.json has no room either, and that is said
    return 15;
  } catch (const std::system_error& e) {
    if (e.code().value() != ENOSPC) return 16;
  }
  return 0;
}

TEST(JournalOnAFullDisk, FailsWithItsReasonAndLosesNothingElse) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root";
  char folder[] = "/tmp/faultline-full-XXXXXX";
  ASSERT_NE(mkdtemp(folder), nullptr);
  const pid_t child = fork();
  if (child == 0) _exit(fill_a_disk(folder));
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  rmdir(folder);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace faultline::record
