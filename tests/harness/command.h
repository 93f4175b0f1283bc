// The real binary as a child process, from its command line to its exit status, and what such a run holds while it
// lives: eBPF objects, processes, namespaces. Tests of what survives a kill ask for each of these by its number
// afterwards, so that other runs on the machine disturb nothing.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "injector/base/clock.h"
#include "injector/base/netns.h"

namespace faultline::test {

/// A folder under the system's temporary one, removed with everything in it.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  std::filesystem::path path() const { return path_; }
  std::filesystem::path write(const std::string& name, const std::string& text) const;

 private:
  std::filesystem::path path_;
};

/// What a live run holds, by numbers that the kernel does not give out again soon.
struct Belongings {
  std::set<std::uint32_t> programs, maps, links;          ///< eBPF ids
  std::map<pid_t, std::uint64_t> processes;               ///< pid -> start time
  std::map<std::string, std::set<std::uint64_t>> spaces;  ///< kind -> inodes, without those of the caller
  std::set<std::string> cgroups;                          ///< paths, as in /proc/PID/cgroup

  /// What of it still exists, in words; empty when nothing does. Namespaces count while a process is in one or holds it
  /// open; `except` are namespaces that the test itself holds.
  std::vector<std::string> left(const std::set<std::uint64_t>& except = {}) const;
};

class Command {
 public:
  /// Starts `argv` with stdin from /dev/null or `input`, stdout and stderr into files; never in a terminal.
  explicit Command(std::vector<std::string> argv, int input = -1);
  /// `faultline run PLAN --out OUT --quiet`, and more arguments.
  static Command run(const std::filesystem::path& plan, const std::filesystem::path& out,
                     std::vector<std::string> more = {}, int input = -1);
  ~Command();  ///< kills it if it still runs

  pid_t pid() const { return pid_; }
  void signal(int number) const;
  /// The status, or 128 + signal; empty when it did not end by then.
  std::optional<int> wait(Ns timeout);
  std::string out() const;     ///< so far
  std::string errors() const;  ///< so far
  Belongings belongings() const;

 private:
  TemporaryFolder folder_;
  std::vector<std::string> argv_;
  pid_t pid_ = -1;
  std::optional<int> status_;
};

/// A command in a network namespace.
std::unique_ptr<Command> start_in(const NetNs& ns, const std::vector<std::string>& argv);

/// The binary under test: FAULTLINE_BINARY.
std::string binary();
/// A command line as somebody without any privilege.
std::vector<std::string> as_nobody(std::vector<std::string> argv);

/// What a command said, to its end. Status -1: it did not end within a minute.
struct Said {
  int status;
  std::string out, errors;
};
Said say_all(const std::vector<std::string>& argv);
/// The same of `faultline WORDS…`.
Said say(std::vector<std::string> words);

/// The lines of a run folder's journal that are whole by now; none when there is no journal.
std::vector<nlohmann::json> journal_of(const std::filesystem::path& folder);
/// Waits until the journal has an event (`what` empty or found in its text); false when it does not come. Looks once at
/// least.
bool await_event(const std::filesystem::path& folder, const std::string& event, const std::string& what = "",
                 Ns timeout = 60 * kSecond);
/// A file, whole; empty where it cannot be read.
std::string text_of(const std::filesystem::path& path);
/// summary.json; null when there is none.
nlohmann::json summary_of(const std::filesystem::path& folder);

}  // namespace faultline::test
