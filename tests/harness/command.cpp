#include "tests/harness/command.h"

#include <bpf/bpf.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "injector/base/error.h"
#include "injector/base/fd.h"
#include "injector/base/file_text.h"
#include "tests/harness/steadiness.h"

namespace faultline::test {
namespace fs = std::filesystem;
namespace {

const char* const kKinds[] = {"net", "mnt", "pid", "ipc", "uts"};

void pause(Ns time) {
  const timespec t{time / kSecond, time % kSecond};
  nanosleep(&t, nullptr);
}

std::optional<std::uint64_t> inode_of(const fs::path& path) {
  struct stat st {};
  if (stat(path.c_str(), &st) != 0) return {};
  return st.st_ino;
}

/// Fields of /proc/PID/stat behind the name: parent and start time. Empty for a zombie.
struct Stat {
  pid_t parent;
  std::uint64_t started;
};
std::optional<Stat> stat_of(pid_t pid) {
  const std::string text = text_of(fs::path("/proc") / std::to_string(pid) / "stat");
  const auto end = text.rfind(')');
  if (end == std::string::npos) return {};
  std::istringstream rest(text.substr(end + 2));
  std::string field;
  Stat result{};
  for (int i = 3; rest >> field; i++) {
    if (i == 3 && (field == "Z" || field == "X")) return {};
    if (i == 4) result.parent = std::stoi(field);
    if (i == 22) result.started = std::stoull(field);
  }
  return result;
}

std::vector<pid_t> all_pids() {
  std::vector<pid_t> pids;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator("/proc", ignored))
    if (std::isdigit(static_cast<unsigned char>(entry.path().filename().c_str()[0])))
      pids.push_back(std::stoi(entry.path().filename()));
  return pids;
}

/// Namespaces of one kind that a process is in, or holds open.
std::set<std::uint64_t> spaces_of(pid_t pid, const std::string& kind) {
  std::set<std::uint64_t> inodes;
  const fs::path process = fs::path("/proc") / std::to_string(pid);
  if (const auto inode = inode_of(process / "ns" / kind)) inodes.insert(*inode);
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(process / "fd", ignored)) {
    const std::string to = fs::read_symlink(entry.path(), ignored).string();
    if (to.starts_with(kind + ":[")) inodes.insert(std::stoull(to.substr(kind.size() + 2)));
  }
  return inodes;
}

void add_numbers(const std::string& text, const std::string& key, std::set<std::uint32_t>& to) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with(key)) to.insert(static_cast<std::uint32_t>(std::stoul(line.substr(key.size()))));
}

/// A run's own word for that its line stood still.
void tell_if_disturbed(const fs::path& folder) {
  for (const auto& line : journal_of(folder)) {
    const std::string event = line.value("event", ""), text = line.dump();
    if (event == "line" && line.contains("stats"))
      disturbed_if_stalled(line["stats"].value("stalled_us", Ns{0}) * kMicrosecond);
    if (event == "lapse" || ((event == "warning" || event == "abort") && text.find("lease") != std::string::npos))
      disturbed("a run says: " + text);
  }
}

}  // namespace

TemporaryFolder::TemporaryFolder() {
  std::string name = (fs::temp_directory_path() / "faultline-test-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr)
    throw std::system_error(errno, std::generic_category(), "make a temporary folder");
  path_ = name;
  fs::permissions(path_, fs::perms(0755));  // some tests look into it as another user
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  if (!path_.empty()) fs::remove_all(path_, ignored);
}

fs::path TemporaryFolder::write(const std::string& name, const std::string& text) const {
  std::ofstream(path_ / name, std::ios::binary) << text;
  return path_ / name;
}

std::unique_ptr<Command> start_in(const NetNs& ns, const std::vector<std::string>& argv) {
  const Inside inside(ns);
  return std::make_unique<Command>(argv);
}

std::string binary() {
  const char* other = std::getenv("FAULTLINE_BINARY");
  return other != nullptr ? other : FAULTLINE_BINARY;
}

std::vector<std::string> as_nobody(std::vector<std::string> argv) {
  const char* const nobody[] = {"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-all"};
  argv.insert(argv.begin(), std::begin(nobody), std::end(nobody));
  return argv;
}

Said say_all(const std::vector<std::string>& argv) {
  Command command(argv);
  const auto status = command.wait(60 * kSecond);
  return {status.value_or(-1), command.out(), command.errors()};
}

Said say(std::vector<std::string> words) {
  words.insert(words.begin(), binary());
  return say_all(words);
}

Command::Command(std::vector<std::string> argv, int input) : argv_(argv) {
  std::vector<char*> arguments;
  for (auto& a : argv) arguments.push_back(a.data());
  arguments.push_back(nullptr);
  const std::string out = folder_.path() / "out", errors = folder_.path() / "errors";
  pid_ = static_cast<pid_t>(check("fork", fork()));
  if (pid_ != 0) return;
  const int from = input >= 0 ? input : open("/dev/null", O_RDONLY);
  const int to = open(out.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644),
            complaints = open(errors.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
  dup2(from, 0);
  dup2(to, 1);
  dup2(complaints, 2);
  close_range(3, ~0u, 0);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  prctl(PR_SET_PDEATHSIG, SIGKILL);  // a test that is killed leaves nothing either
  execvp(arguments[0], arguments.data());
  _exit(127);
}

Command Command::run(const fs::path& plan, const fs::path& out, std::vector<std::string> more, int input) {
  std::vector<std::string> argv{binary(), "run", plan, "--out", out, "--quiet"};
  argv.insert(argv.end(), more.begin(), more.end());
  return Command(std::move(argv), input);
}

Command::~Command() {
  for (std::size_t i = 2; i < argv_.size(); i++)
    if (argv_[i - 1] == "--out") {
      tell_if_disturbed(argv_[i]);
      std::error_code none;  // arms and margins have a folder for each run
      for (const auto& one : fs::directory_iterator(argv_[i], none))
        if (one.is_directory()) tell_if_disturbed(one.path());
    }
  if (pid_ <= 0 || status_) return;
  kill(pid_, SIGKILL);
  while (waitpid(pid_, nullptr, 0) == -1 && errno == EINTR) {
  }
}

void Command::signal(int number) const {
  if (!status_) kill(pid_, number);
}

std::optional<int> Command::wait(Ns timeout) {
  for (const Ns end = monotonic_now() + timeout; !status_; pause(5 * kMillisecond)) {
    int status = 0;
    if (check("wait for a command", waitpid(pid_, &status, WNOHANG)) == pid_)
      status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    else if (monotonic_now() > end)
      break;
  }
  return status_;
}

std::string Command::out() const { return text_of(folder_.path() / "out"); }
std::string Command::errors() const { return text_of(folder_.path() / "errors"); }

Belongings Command::belongings() const {
  Belongings have;
  std::set<pid_t> ours{pid_};
  const auto pids = all_pids();
  for (std::size_t before = 0; before != ours.size();) {
    before = ours.size();
    for (const pid_t pid : pids)
      if (const auto stat = stat_of(pid); stat && ours.contains(stat->parent)) ours.insert(pid);
  }
  for (const pid_t pid : ours) {
    const fs::path process = fs::path("/proc") / std::to_string(pid);
    if (const auto stat = stat_of(pid)) have.processes[pid] = stat->started;
    const std::string cgroup = text_of(process / "cgroup");
    if (!cgroup.empty()) have.cgroups.insert(cgroup);
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(process / "fdinfo", ignored)) {
      const std::string text = text_of(entry.path());
      add_numbers(text, "prog_id:", have.programs);
      add_numbers(text, "map_id:", have.maps);
      add_numbers(text, "link_id:", have.links);
    }
    for (const char* kind : kKinds) {
      const auto own = spaces_of(getpid(), kind);
      for (const auto inode : spaces_of(pid, kind))
        if (!own.contains(inode)) have.spaces[kind].insert(inode);
    }
  }
  return have;
}

std::vector<std::string> Belongings::left(const std::set<std::uint64_t>& except) const {
  std::vector<std::string> found;
  // Asks for the next number, and opens nothing: a prog array opened and closed again while the kernel still empties it
  // after its owner's death keeps a reference for ever (seen on 6.18). Looking must not leave things behind.
  const auto look = [&](const char* what, const std::set<std::uint32_t>& ids,
                        int (*next_id)(std::uint32_t, std::uint32_t*)) {
    for (const auto id : ids)
      if (std::uint32_t next = 0; next_id(id - 1, &next) == 0 && next == id)
        found.push_back(std::string(what) + " " + std::to_string(id));
  };
  look("eBPF program", programs, bpf_prog_get_next_id);
  look("eBPF map", maps, bpf_map_get_next_id);
  look("eBPF link", links, bpf_link_get_next_id);
  for (const auto& [pid, started] : processes)
    if (const auto stat = stat_of(pid); stat && stat->started == started)
      found.push_back("process " + std::to_string(pid) + " " +
                      text_of(fs::path("/proc") / std::to_string(pid) / "comm"));
  for (const pid_t pid : all_pids()) {
    for (const auto& [kind, inodes] : spaces)
      for (const auto inode : spaces_of(pid, kind))
        if (inodes.contains(inode) && !except.contains(inode))
          found.push_back(kind + " namespace " + std::to_string(inode) + " of process " + std::to_string(pid));
  }
  return found;
}

std::vector<nlohmann::json> journal_of(const fs::path& folder) {
  std::vector<nlohmann::json> lines;
  std::istringstream text(text_of(folder / "journal.jsonl"));
  for (std::string line; std::getline(text, line);) {
    auto parsed = nlohmann::json::parse(line, nullptr, false);
    if (!parsed.is_discarded()) lines.push_back(std::move(parsed));
  }
  return lines;
}

bool await_event(const fs::path& folder, const std::string& event, const std::string& what, Ns timeout) {
  for (const Ns end = monotonic_now() + timeout;; pause(5 * kMillisecond)) {
    for (const auto& line : journal_of(folder))
      if (line.value("event", "") == event && (what.empty() || line.dump().find(what) != std::string::npos))
        return true;
    if (monotonic_now() >= end) return false;
  }
}

std::string text_of(const std::filesystem::path& path) { return file_text(path.string()); }

nlohmann::json summary_of(const fs::path& folder) {
  return nlohmann::json::parse(text_of(folder / "summary.json"), nullptr, false);
}

}  // namespace faultline::test
