// The exec probe: a command each, started by the nursery. Starting and reaping a process blocks, so worker threads do
// it, made as they are needed; the probe's own thread only hands out the work and collects the verdicts.
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "injector/base/error.h"
#include "injector/base/program.h"
#include "injector/base/realtime.h"
#include "injector/base/thread_safety.h"
#include "injector/probe/asker.h"
#include "injector/probe/kinds.h"
#include "injector/probe/value.h"

namespace faultline::probe {
namespace {

constexpr std::size_t kMostOutput = 1 << 20;
constexpr Ns kReaping = 5 * kSecond;  // how long a killed command may take to be gone
constexpr Ns kLook = 20 * kMillisecond;

class Exec : public Asker {
 public:
  explicit Exec(const Setting& s)
      : command_(s.probe.command()),
        expected_exit_(s.probe.params.integer("expect.exit")),
        expected_text_(s.probe.params.text("expect.body")),
        value_place_(s.probe.params.text("value")),
        enclosure_(s.from.enclosure),
        clients_(s.from.clients),
        nursery_(s.nursery),
        loop_(s.loop),
        verdict_(s.verdict),
        tell_value_(s.value) {
    if (command_.empty()) throw Failure(Exit::invalid, fmt::format("probe \"{}\": exec has no command", s.probe.name));
    std::erase_if(clients_, [](const std::string& address) { return address.find(':') != std::string::npos; });
    if (!nursery_) throw std::logic_error("an exec probe needs a nursery");
    // An enclosure has a /run and a /tmp of its own: what is there, only the attempt can tell.
    const std::string& program = command_.front();
    const bool own_folder = !enclosure_.empty() && (program.starts_with("/run/") || program.starts_with("/tmp/"));
    if (!own_folder && !can_execute(program))
      throw Failure(Exit::cannot_run, fmt::format("probe \"{}\": the command \"{}\" is not found or cannot be executed",
                                                  s.probe.name, program));
    if (s.from.net) net_.emplace(s.from.net->duplicate());
    results_bell_ = Fd(static_cast<int>(check("make an eventfd", eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK))));
    loop_.watch(results_bell_.get(), EPOLLIN, [this](std::uint32_t) { collect(); });
  }
  ~Exec() override {
    loop_.unwatch(results_bell_.get());
    {
      const MutexLock lock(mutex_);
      stopping_ = true;
      jobs_.clear();
      for (const pid_t pid : running_) nursery_->kill(pid, SIGKILL);
    }
    work_.notify_all();
    for (auto& worker : workers_) worker.join();
  }

  void ask(std::uint64_t n, Ns deadline) override {
    {
      const MutexLock lock(mutex_);
      if (busy_ == kMostCommands) {
        verdict_(n, monotonic_now(), "overload");
        return;
      }
      if (busy_ == workers_.size()) workers_.emplace_back([this] { work(); });
      ++busy_;
      jobs_.push_back({n, deadline});
    }
    work_.notify_one();
  }

  std::shared_ptr<const Heard> heard(std::uint64_t n) override {
    const MutexLock lock(mutex_);
    const auto it = written_.find(n);
    return it == written_.end() ? nullptr : it->second.kept();
  }
  void forget(std::uint64_t) override {}  // the worker knows the deadline too, and kills the command

 private:
  struct Job {
    std::uint64_t n;
    Ns deadline;
  };
  struct Result {
    std::uint64_t n;
    Ns at;
    std::string error;
    std::shared_ptr<const Heard> said;
    std::optional<double> value = {};
  };
  /// What a command under way has written so far.
  struct Written {
    std::string output, errors;
    std::uint64_t skipped = 0;  ///< bytes beyond them
    std::shared_ptr<const Heard> kept(std::string mismatch = {}) const {
      return probe::kept(output, errors, skipped, std::move(mismatch));
    }
  };

  void ring() {
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(results_bell_.get(), &one, sizeof one);
  }

  void collect() {
    std::uint64_t count;
    check("read an eventfd", ::read(results_bell_.get(), &count, sizeof count));
    std::vector<Result> results;
    std::exception_ptr failure;
    {
      const MutexLock lock(mutex_);
      results.swap(results_);
      failure = failure_;
    }
    for (auto& result : results) {
      if (result.value) tell_value_(result.n, *result.value);
      verdict_(result.n, result.at, std::move(result.error), std::move(result.said));
    }
    if (failure) std::rethrow_exception(failure);
  }

  void work() {
    realtime::Urgent urgent(realtime::Rank::helper);
    MutexLock lock(mutex_);
    for (;;) {
      while (!stopping_ && jobs_.empty()) work_.wait(lock);
      if (stopping_) return;
      const Job job = jobs_.front();
      jobs_.pop_front();
      lock.unlock();
      urgent.look();
      try {
        Result result = run(job);
        lock.lock();
        results_.push_back(std::move(result));
      } catch (...) {
        if (!lock.owns_lock()) lock.lock();
        if (!failure_) failure_ = std::current_exception();
      }
      --busy_;
      ring();
    }
  }

  struct Pipe {
    Fd read, write;
  };
  static Pipe make_pipe() {
    int ends[2];
    check("make a pipe", pipe2(ends, O_CLOEXEC));
    Pipe pipe{Fd(ends[0]), Fd(ends[1])};
    check("make a pipe non-blocking", fcntl(pipe.read.get(), F_SETFL, O_NONBLOCK));
    return pipe;
  }

  Result run(const Job& job) {
    Pipe output = make_pipe(), errors = make_pipe();
    nursery::Command command;
    command.argv = command_;
    command.enclosure = enclosure_;
    command.net = net_ ? &*net_ : nullptr;
    command.output = output.write.get();
    command.errors = errors.write.get();
    if (!clients_.empty()) command.environment["FAULTLINE_CLIENT"] = clients_[job.n % clients_.size()];
    pid_t pid = 0;
    try {
      pid = nursery_->spawn(command);
    } catch (const Failure& failure) {
      return {job.n, monotonic_now(), "exec", kept({}, failure.what()), {}};
    }
    output.write.reset();
    errors.write.reset();
    const Running running(*this, pid, job.n);
    const auto ended = await_end(pid, job, output.read, errors.read);
    const Ns at = monotonic_now();
    if (!ended) {
      nursery_->kill(pid, SIGKILL);
      nursery_->wait(pid, monotonic_now() + kReaping);
    }
    const MutexLock lock(mutex_);
    const Written& written = written_.at(job.n);
    Result result{job.n, at, "timeout", {}, {}};
    std::string mismatch;
    if (ended) result.error = judge(ended->status, written, mismatch);
    if (result.error.empty() && !value_place_.empty()) {
      result.value = value_in(written.output, value_place_);
      if (!result.value) {
        result.error = "value";
        mismatch = no_value_text(written.output, value_place_);
      }
    }
    if (!result.error.empty()) result.said = written.kept(std::move(mismatch));
    return result;
  }

  std::string judge(int status, const Written& written, std::string& mismatch) const {
    const std::string wanted = std::to_string(expected_exit_);
    if (WIFSIGNALED(status)) {
      mismatch = mismatch_text("exit status", wanted, fmt::format("an end by signal {}", WTERMSIG(status)));
      return fmt::format("signal {}", WTERMSIG(status));
    }
    if (WEXITSTATUS(status) != expected_exit_) {
      mismatch = mismatch_text("exit status", wanted, std::to_string(WEXITSTATUS(status)));
      return fmt::format("exit {}", WEXITSTATUS(status));
    }
    const bool found = written.output.find(expected_text_) != std::string::npos ||
                       written.errors.find(expected_text_) != std::string::npos;
    if (found) return "";
    mismatch = fmt::format("output: {} wanted in it, and not there", quoted_briefly(expected_text_));
    return "body";
  }

  // A command under way, so that the destructor can kill it: its worker is busy waiting for it.
  class Running {
   public:
    Running(Exec& exec, pid_t pid, std::uint64_t n) : exec_(exec), pid_(pid), n_(n) {
      const MutexLock lock(exec_.mutex_);
      exec_.running_.insert(pid_);
      exec_.written_[n_];
      if (exec_.stopping_) exec_.nursery_->kill(pid_, SIGKILL);
    }
    ~Running() {
      const MutexLock lock(exec_.mutex_);
      exec_.running_.erase(pid_);
      exec_.written_.erase(n_);
    }
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;

   private:
    Exec& exec_;
    pid_t pid_;
    std::uint64_t n_;
  };

  // Reads the output while the command runs. The end of the output is nearly always the command's end, and known at
  // once; but a grandchild may hold it open, so the command is looked at now and then. Empty: it still runs at its
  // deadline.
  std::optional<nursery::Ended> await_end(pid_t pid, const Job& job, Fd& output, Fd& errors) {
    Ns look = monotonic_now() + kLook;
    while (output || errors) {
      const Ns left = job.deadline - monotonic_now();
      if (left <= 0) return std::nullopt;
      pollfd ready[2]{{output.get(), POLLIN, 0}, {errors.get(), POLLIN, 0}};  // one that is closed is -1: left alone
      const timespec wait{0, static_cast<long>(std::min(left, kLook))};
      const long rc = ::ppoll(ready, 2, &wait, nullptr);
      if (rc == -1 && errno != EINTR) check("wait for a command's output", rc);
      std::optional<nursery::Ended> ended;
      if (rc == 0 || monotonic_now() >= look) {  // one that it left behind may write all the time
        ended = nursery_->wait(pid, 0);
        look = monotonic_now() + kLook;
      }
      read_output(output, job.n, &Written::output);
      read_output(errors, job.n, &Written::errors);
      if (ended) return ended;
    }
    return nursery_->wait(pid, job.deadline);
  }

  // Takes what is there; beyond the most it is read and thrown away, so that the command is not held up.
  void read_output(Fd& from, std::uint64_t n, std::string Written::*to) {
    const std::size_t most = expected_text_.empty() && value_place_.empty() ? Heard::kMost : kMostOutput;
    std::array<char, 16384> buffer;
    constexpr int kRounds = 64;  // then the deadline is looked at
    for (int round = 0; from && round < kRounds; ++round) {
      const ssize_t k = ::read(from.get(), buffer.data(), buffer.size());
      if (k == -1 && errno == EAGAIN) return;
      if (k == -1) check("read a command's output", k);
      if (k == 0) return from.reset();
      const MutexLock lock(mutex_);
      Written& written = written_.at(n);
      const std::size_t taken = std::min(static_cast<std::size_t>(k), most - (written.*to).size());
      (written.*to).append(buffer.data(), taken);
      written.skipped += static_cast<std::size_t>(k) - taken;
    }
  }

  const Command command_;
  const std::int64_t expected_exit_;
  const std::string expected_text_, value_place_;
  const std::string enclosure_;
  std::vector<std::string> clients_;  // of one family
  nursery::Nursery* nursery_;
  EventLoop& loop_;
  Verdict verdict_;
  TellValue tell_value_;
  std::optional<NetNs> net_;
  Fd results_bell_;

  Mutex mutex_;
  Condition work_;
  bool stopping_ FAULTLINE_GUARDED_BY(mutex_) = false;
  std::size_t busy_ FAULTLINE_GUARDED_BY(mutex_) = 0;  // jobs waiting or at work
  std::deque<Job> jobs_ FAULTLINE_GUARDED_BY(mutex_);
  std::map<std::uint64_t, Written> written_ FAULTLINE_GUARDED_BY(mutex_);
  std::set<pid_t> running_ FAULTLINE_GUARDED_BY(mutex_);
  std::vector<Result> results_ FAULTLINE_GUARDED_BY(mutex_);
  std::exception_ptr failure_ FAULTLINE_GUARDED_BY(mutex_);
  // Of the probe's thread.
  std::vector<std::thread> workers_;
};

std::unique_ptr<Asker> make_exec(const Setting& setting) { return std::make_unique<Exec>(setting); }

}  // namespace

Kind kinds::exec() {
  return {.subject = {.name = "exec",
                      .type = ValueType::command,
                      .doc = "The command that it runs, and its arguments; no shell splits it.",
                      .example = "[\"curl\", \"-sf\", \"http://10.0.1.10:8080/pay\"]"},
          .keys = {{.name = "expect.exit",
                    .type = ValueType::integer,
                    .doc = "The status that the command exits with.",
                    .example = "3",
                    .fallback = 0,
                    .min = 0,
                    .max = 255},
                   {.name = "expect.body",
                    .type = ValueType::text,
                    .doc = "Is contained in what the command writes.",
                    .example = "\"ok\"",
                    .otherwise = "anything"},
                   value_key()},
          .request = "a command, run without a shell",
          .option = "Run this by a shell meanwhile",
          .value = "COMMAND",
          .make = make_exec,
          .errors = {{"body"}, {"exit 1", true}, {"signal 15", true}, {"exec"}, {"value"}}};
}

}  // namespace faultline::probe
