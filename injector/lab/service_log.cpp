#include "injector/lab/service_log.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <algorithm>
#include <filesystem>
#include <string_view>
#include <vector>

#include "injector/base/error.h"
#include "injector/base/visible_text.h"

namespace faultline::lab {
namespace {

constexpr std::size_t kTailLines = 15;
constexpr off_t kTailBytes = 64 << 10;
constexpr std::size_t kLongestLine = 300;

}  // namespace

Fd open_log(const std::string& path) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  // Append: a service that opens /dev/stderr once more must not write over itself.
  return Fd(static_cast<int>(
      check("make the log " + path, ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644))));
}

std::string log_tail(const std::string& path) {
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat st {};
  if (!file || fstat(file.get(), &st) != 0) return "    (unreadable)\n";
  std::string text(static_cast<std::size_t>(std::min(st.st_size, kTailBytes)), '\0');
  const ssize_t got = pread(file.get(), text.data(), text.size(), std::max<off_t>(0, st.st_size - kTailBytes));
  text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  while (!text.empty() && text.back() == '\n') text.pop_back();
  if (text.empty()) return "    (empty)\n";

  std::vector<std::string_view> lines;
  for (std::string_view left = text; lines.size() < kTailLines;) {
    const auto newline = left.rfind('\n');
    lines.push_back(newline == std::string_view::npos ? left : left.substr(newline + 1));
    if (newline == std::string_view::npos) break;
    left = left.substr(0, newline);
  }
  std::string tail;
  for (auto line = lines.rbegin(); line != lines.rend(); ++line) {
    tail += "    | " + bounded(*line, kLongestLine) + "\n";
  }
  return tail;
}

std::string describe_status(int status) {
  if (WIFEXITED(status)) return fmt::format("exit status {}", WEXITSTATUS(status));
  return fmt::format("killed by signal {} ({})", WTERMSIG(status), strsignal(WTERMSIG(status)));
}

}  // namespace faultline::lab
