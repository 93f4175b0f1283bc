// The command line, called as a user would type it.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "injector/cli/app.h"

namespace faultline::cli {

inline bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

struct Said {
  int status;
  std::string out, error;
};

inline Said say(std::vector<std::string> words) {
  words.insert(words.begin(), "faultline");
  std::vector<char*> argv;
  for (auto& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  const int status = main_of(static_cast<int>(words.size()), argv.data());
  return {status, testing::internal::GetCapturedStdout(), testing::internal::GetCapturedStderr()};
}

}  // namespace faultline::cli
