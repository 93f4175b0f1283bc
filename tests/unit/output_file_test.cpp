// The file that a command is asked to write: a new one, or one that may be written over; never one at the end of a
// symbolic link that somebody has left there.
#include "injector/cli/output_file.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "injector/base/error.h"
#include "tests/harness/command.h"

namespace faultline::cli {
namespace {

namespace fs = std::filesystem;

struct OutputFile : testing::Test {
  /// Why it was not written; empty: it was.
  static std::string refusal(const fs::path& path, bool force) {
    try {
      write_output(path, "new", force);
    } catch (const Failure& failure) {
      status = failure.status();
      return failure.what();
    }
    return "";
  }
  test::TemporaryFolder folder;
  const fs::path path = folder.path() / "out", other = folder.path() / "other";
  static inline Exit status;
};

TEST_F(OutputFile, IsNewUnlessItMayBeWrittenOver) {
  EXPECT_EQ(refusal(path, false), "");
  EXPECT_EQ(test::text_of(path), "new");
  folder.write("out", "somewhat longer");
  EXPECT_NE(refusal(path, false).find("exists already; --force writes over it"), std::string::npos);
  EXPECT_EQ(status, Exit::invalid);
  EXPECT_EQ(test::text_of(path), "somewhat longer");
  EXPECT_EQ(refusal(path, true), "");
  EXPECT_EQ(test::text_of(path), "new");
}

TEST_F(OutputFile, NothingIsMadeAtTheEndOfALink) {
  fs::create_symlink(other, path);
  EXPECT_NE(refusal(path, false).find("exists already"), std::string::npos);
  EXPECT_NE(refusal(path, true).find("leads nowhere"), std::string::npos);
  EXPECT_EQ(status, Exit::invalid);
  EXPECT_FALSE(fs::exists(other));
  folder.write("other", "kept");
  EXPECT_NE(refusal(path, false).find("exists already"), std::string::npos);
  EXPECT_EQ(test::text_of(other), "kept");
  EXPECT_EQ(refusal(path, true), "");
  EXPECT_EQ(test::text_of(other), "new") << "whoever forces it means the file that is there";
  EXPECT_TRUE(fs::is_symlink(path));
}

TEST_F(OutputFile, SaysWhyItCannotBeWritten) {
  const std::string said = refusal(folder.path() / "none" / "out", false);
  EXPECT_NE(said.find("none/out cannot be written: No such file or directory"), std::string::npos) << said;
  EXPECT_EQ(status, Exit::cannot_run);
  EXPECT_NE(refusal("/dev/full", true).find("No space left"), std::string::npos);
}

}  // namespace
}  // namespace faultline::cli
