#include "tests/harness/processes.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <thread>

#include "injector/base/clock.h"
#include "injector/base/fd.h"

namespace faultline::test {
namespace {

template <class Visit>
void each_process(const Visit& visit) {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", ignored))
    if (std::isdigit(static_cast<unsigned char>(entry.path().filename().c_str()[0]))) visit(entry.path());
}

bool has_word(const std::filesystem::path& process, const std::string& word) {
  if (word.empty()) return true;
  // Not an ifstream: reading that of a process that is just ending is an error, which it throws.
  const Fd file(open((process / "cmdline").c_str(), O_RDONLY | O_CLOEXEC));
  std::string line(64 << 10, '\0');
  const ssize_t got = file ? read(file.get(), line.data(), line.size()) : -1;  // nothing for a zombie
  line.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return line.find(word) != std::string::npos;
}

}  // namespace

std::string marker() {
  static int count = 0;
  return "flab-" + std::to_string(getpid()) + "-" + std::to_string(wall_now()) + "-" + std::to_string(++count);
}

int processes_with(const std::string& word) {
  int found = 0;
  each_process([&](const std::filesystem::path& process) { found += has_word(process, word); });
  return found;
}

std::set<std::uint64_t> namespaces_of(const std::string& word, const std::string& kind) {
  std::set<std::uint64_t> inodes;
  each_process([&](const std::filesystem::path& process) {
    struct stat st {};
    if (has_word(process, word) && stat((process / "ns" / kind).c_str(), &st) == 0) inodes.insert(st.st_ino);
  });
  return inodes;
}

std::set<std::uint64_t> namespaces(const std::string& kind) { return namespaces_of("", kind); }

std::uint64_t own_namespace(const std::string& kind) {
  struct stat st {};
  return stat(("/proc/self/ns/" + kind).c_str(), &st) == 0 ? st.st_ino : 0;
}

bool eventually(const std::function<bool()>& condition) {
  for (const Ns end = monotonic_now() + 20 * kSecond; monotonic_now() < end;) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return condition();
}

}  // namespace faultline::test
