// Short of descriptors: this process has all that it may have, but for a number that a test leaves.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cerrno>
#include <cstddef>
#include <vector>

#include "injector/base/fd.h"

namespace faultline::test {

class FewDescriptors {
 public:
  explicit FewDescriptors(std::size_t left = 0) {
    EXPECT_EQ(getrlimit(RLIMIT_NOFILE, &before_), 0);
    rlimit few = before_;
    few.rlim_cur = 256;
    taken_.reserve(few.rlim_cur);
    EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
    while (Fd one = another()) taken_.push_back(std::move(one));
    EXPECT_EQ(errno, EMFILE);
    EXPECT_GE(taken_.size(), left) << "as many have to be there";
    taken_.resize(taken_.size() - left);
  }
  ~FewDescriptors() { setrlimit(RLIMIT_NOFILE, &before_); }
  FewDescriptors(const FewDescriptors&) = delete;
  FewDescriptors& operator=(const FewDescriptors&) = delete;

  /// Takes one, if there is one.
  static Fd another() { return Fd(::open("/dev/null", O_RDONLY | O_CLOEXEC)); }

 private:
  rlimit before_{};
  std::vector<Fd> taken_;
};

}  // namespace faultline::test
