// The main() of every tier's tests.
//
//   TESTS [option of GoogleTest…]
//   TESTS --with-programs-of TIER COMMAND…    only runs a command, which finds the programs that tests/programs lists
//   for TIER
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "tests/harness/listed_programs.h"
#include "tests/harness/steadiness.h"
#include "tests/harness/unmade_suite.h"

int main(int argc, char** argv) {
  try {
    if (argc > 3 && argv[1] == std::string("--with-programs-of")) {
      faultline::test::find_listed_programs_only(argv[2]);
      execvp(argv[3], argv + 3);
      std::perror(argv[3]);
      return 127;
    }
    // A virtual machine holds no programs but those that it was given.
    if (std::getenv("FAULTLINE_IN_VM") == nullptr) faultline::test::find_listed_programs_only(FAULTLINE_TIER);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
  }
  testing::UnitTest::GetInstance()->listeners().Append(new faultline::test::UnmadeSuites);
  if (FAULTLINE_TIER == std::string("netns")) return faultline::test::run_all_steadily(argc, argv);
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
