// A run under way and other processes: found and listed, stopped, remarked upon, its lab entered. The real
// binary on both sides.
#include <fcntl.h>
#include <grp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <cstddef>
#include <sstream>

#include "injector/base/message.h"
#include "injector/run/lock.h"
#include "tests/netns/control_bed.h"

namespace faultline::test {
namespace {

TEST_F(ControlTest, TwoRunsAtOnceAreListed) {
  TwoNamespaces one, two;
  Command first = start(plan(one), "first"), second = start(plan(two), "second");
  ASSERT_TRUE(await_event(out("first"), "fault_begin")) << first.errors();
  ASSERT_TRUE(await_event(out("second"), "fault_begin")) << second.errors();
  for (const auto& [run, name] : {std::pair<Command&, const char*>{first, "first"}, {second, "second"}}) {
    const json listed_run = listed(run.pid());
    ASSERT_TRUE(listed_run.is_object()) << name;
    EXPECT_EQ(listed_run["name"], name);
    EXPECT_EQ(listed_run["answers"], true);
    EXPECT_EQ(listed_run["state"], "running");
    EXPECT_EQ(listed_run["phases"], json({"slow"}));
    EXPECT_EQ(listed_run["folder"], out(name).string());
    EXPECT_EQ(listed_run["plan"], (folder.path() / (std::string(name) + ".toml")).string());
    EXPECT_EQ(listed_run["sites"].size(), 1u);
    EXPECT_EQ(listed_run["duration_s"], 40.0);
    EXPECT_GT(listed_run["t_s"], 0.5);
    EXPECT_NEAR(listed_run["left_s"].get<double>() + listed_run["t_s"].get<double>(), 40, 0.01);
  }
  const Said people = say({"list", "--runs"});
  for (const auto& word : {std::to_string(first.pid()), std::to_string(second.pid()), std::string("first"),
                           std::string("second"), std::string("slow")})
    EXPECT_NE(people.out.find(word), std::string::npos) << word << "\n" << people.out;
  EXPECT_EQ(say({"note", "--run", "second", "to one of two"}).status, 0);
  EXPECT_TRUE(await_event(out("second"), "note", "to one of two"));
  // One of them stops, the other does not notice.
  EXPECT_EQ(say({"stop", "first"}).status, 0);
  expect_aborted(first, "first", "user");
  EXPECT_TRUE(listed(first.pid()).is_null());
  EXPECT_EQ(listed(second.pid())["state"], "running");
  const json stopped = json::parse(say({"stop", "second", "--json"}).out);
  ASSERT_EQ(stopped.size(), 1u) << stopped.dump();
  EXPECT_EQ(stopped[0]["pid"], second.pid());
  EXPECT_EQ(stopped[0]["healed"], true) << stopped.dump();
}

TEST_F(ControlTest, ARunInAnotherNetworkNamespaceIsFound) {
  TwoNamespaces net;
  const std::string plan_file = folder.write("away.toml", plan(net));
  Command run({"unshare", "-n", binary(), "run", plan_file, "--out", out("away"), "--quiet"});
  ASSERT_TRUE(await_event(out("away"), "t0")) << run.errors();
  EXPECT_EQ(listed(run.pid())["name"], "away");
  EXPECT_EQ(say({"stop", std::to_string(run.pid())}).status, 0);
  expect_aborted(run, "away", "user");
}

/// What a process has had of the processors, in all of its threads.
Ns processor_time(pid_t pid) {
  const std::string stat = text_of(fmt::format("/proc/{}/stat", pid));
  std::istringstream rest(stat.substr(stat.rfind(')') + 2));
  std::string skipped;
  for (int i = 0; i < 11; i++) rest >> skipped;
  long user = 0, system = 0;
  rest >> user >> system;
  return (user + system) * kSecond / sysconf(_SC_CLK_TCK);
}

TEST_F(ControlTest, WithoutDescriptorsItWaitsForThemInsteadOfAskingAgainAndAgain) {
  TwoNamespaces net;
  Command run = start(plan(net));
  ASSERT_TRUE(await_event(out(), "fault_begin")) << run.errors();
  rlimit before{};
  ASSERT_EQ(prlimit(run.pid(), RLIMIT_NOFILE, nullptr, &before), 0);
  const rlimit none{8, before.rlim_max};  // poll() still takes as many as the thread has
  ASSERT_EQ(prlimit(run.pid(), RLIMIT_NOFILE, &none, nullptr), 0);
  std::vector<Fd> callers;
  for (int i = 0; i < 10; i++) {  // more than there can be gaps below that
    Inside inside(net.here);
    callers.push_back(run::connect_to("faultline.run", 10));
    EXPECT_TRUE(callers.back());
  }
  const Ns spent = processor_time(run.pid());
  usleep(800000);  // as long as it would take for nothing
  EXPECT_LT(processor_time(run.pid()) - spent, 400 * kMillisecond);
  ASSERT_EQ(prlimit(run.pid(), RLIMIT_NOFILE, &before, nullptr), 0);
  callers.clear();
  const Said said = say({"stop", out().string()});
  EXPECT_EQ(said.status, 0) << said.out << said.errors;
  expect_aborted(run, "plan", "user");
}

TEST_F(ControlTest, WithoutDescriptorsItIsTakenApartAllTheSame) {
  TwoNamespaces net;
  Command run = start(plan(net));
  ASSERT_TRUE(await_event(out(), "fault_begin")) << run.errors();
  const Belongings had = run.belongings();
  rlimit before{};
  ASSERT_EQ(prlimit(run.pid(), RLIMIT_NOFILE, nullptr, &before), 0);
  const rlimit none{8, before.rlim_max};
  ASSERT_EQ(prlimit(run.pid(), RLIMIT_NOFILE, &none, nullptr), 0);
  run.signal(SIGTERM);
  expect_aborted(run, "plan", "signal");
  EXPECT_TRUE(eventually([&] { return had.left({net.here.inode(), net.there.inode()}).empty(); }));
}

TEST_F(ControlTest, StopFromAnotherProcess) {
  TwoNamespaces net;
  Command run = start(plan(net));
  ASSERT_TRUE(await_event(out(), "fault_begin")) << run.errors();
  const Belongings had = run.belongings();
  UdpStream stream(net.here, "10.7.0.1", net.there, "10.7.0.2", 500);
  usleep(400000);
  const Said said = say({"stop", out().string()});
  const Ns ended = monotonic_now();
  EXPECT_EQ(said.status, 0) << said.out << said.errors;
  EXPECT_NE(said.out.find("healed"), std::string::npos) << said.out;
  EXPECT_NE(said.out.find(out().string()), std::string::npos) << said.out;
  // It waited: the record is whole, and nothing is left.
  EXPECT_EQ(journal_of(out()).back()["event"], "end");
  EXPECT_TRUE(fs::exists(out() / "junit.xml"));
  EXPECT_EQ(device_names(net.here).size(), 2u);
  expect_aborted(run, "plan", "user");
  EXPECT_NE(summary_of(out())["abort"]["reason"].get<std::string>().find("faultline stop"), std::string::npos);
  EXPECT_TRUE(eventually([&] { return had.left({net.here.inode(), net.there.inode()}).empty(); }));
  usleep(200000);
  const auto& packets = stream.finish();
  const auto quick = first_quick(packets, ended, 50 * kMillisecond);
  ASSERT_TRUE(quick);
  EXPECT_LT(*quick, 100 * kMillisecond);
  EXPECT_TRUE(std::any_of(packets.begin(), packets.end(), [](const auto& p) { return p.took() >= 100 * kMillisecond; }))
      << "the fault was not in force";
}

TEST_F(ControlTest, StopWhileTheLabStarts) {
  // By its name, which no run of another test has.
  Command run = start(std::string(kLab) + R"([lab.hosts.never]
room = "east"
command = ["sleep", "1000"]
ready = { tcp = 8080, within = "60s" }
)",
                      "starts");
  ASSERT_TRUE(await_event(out("starts"), "service", "never")) << run.errors();
  EXPECT_EQ(listed(run.pid())["state"], "preparing");
  EXPECT_EQ(say({"stop", "starts"}).status, 0);
  expect_aborted(run, "starts", "user");
}

TEST_F(ControlTest, StopAllStopsEachThatItSees) {
  // In a PID namespace and a network namespace of its own it sees its own runs and nobody else's: other people's runs
  // on this machine are safe from this test.
  folder.write("one.toml", kLab);
  folder.write("two.toml", kLab);
  const std::string script = fmt::format(R"(
    cd {1}; ip link set lo up
    {0} run one.toml --out one --quiet & first=$!
    {0} run two.toml --out two --quiet & second=$!
    for name in one two; do
      for i in $(seq 300); do grep -q '"t0"' $name/journal.jsonl 2>/dev/null && break; sleep 0.1; done
    done
    {0} note hello; echo note $?
    {0} stop --all; echo stop $?
    wait $first; echo one $?
    wait $second; echo two $?
    {0} stop --all; echo none $?
    {0} stop one; echo gone $?)",
                                         binary(), folder.path().string());
  Command shell({"unshare", "-n", "-m", "-p", "-f", "--mount-proc", "--kill-child", "sh", "-c", script});
  ASSERT_EQ(shell.wait(120 * kSecond), 0) << shell.errors();
  const std::string said = shell.out() + shell.errors();
  for (const char* part : {"note 3", "there are 2 runs: choose one with --run", "stop 0", "one 5", "two 5",
                           "No run is under way", "none 0", "gone 4"})
    EXPECT_NE(said.find(part), std::string::npos) << part << "\n" << said;
  for (const char* name : {"one", "two"}) EXPECT_EQ(summary_of(out(name))["abort"]["by"], "user");
}

TEST_F(ControlTest, StopOfARunThatIsKilledMeanwhile) {
  Command run = start(std::string(kLab));
  ASSERT_TRUE(await_event(out(), "t0")) << run.errors();
  const Belongings had = run.belongings();
  // Stopped, it cannot answer: `stop` waits. Then it dies.
  run.signal(SIGSTOP);
  Command stop({binary(), "stop", std::to_string(run.pid())});
  usleep(1500000);
  EXPECT_FALSE(stop.wait(0)) << stop.out() << stop.errors();
  run.signal(SIGKILL);
  EXPECT_EQ(run.wait(5 * kSecond), 128 + SIGKILL);
  const auto status = stop.wait(20 * kSecond);
  ASSERT_TRUE(status) << "it waits for a run that is dead";
  EXPECT_TRUE(*status == 4 || *status == 6) << *status << stop.out() << stop.errors();
  EXPECT_TRUE(eventually([&] { return had.left().empty(); }));
}

TEST_F(ControlTest, AStrangerMayLookButNotTouch) {
  TwoNamespaces net;
  Command run = start(plan(net));
  ASSERT_TRUE(await_event(out(), "t0")) << run.errors();
  fs::copy_file(binary(), folder.path() / "faultline");
  fs::permissions(folder.path(), fs::perms::others_read | fs::perms::others_exec, fs::perm_options::add);
  const auto stranger = [&](std::vector<std::string> more) {
    more.insert(more.begin(), folder.path() / "faultline");
    return say_all(as_nobody(std::move(more)));
  };
  EXPECT_NE(stranger({"list", "--runs"}).out.find(std::to_string(run.pid())), std::string::npos);
  for (const auto& words : {std::vector<std::string>{"stop", std::to_string(run.pid())},
                            {"note", "--run", std::to_string(run.pid()), "hello"}}) {
    const Said said = stranger(words);
    EXPECT_EQ(said.status, 4) << said.out << said.errors;
    EXPECT_NE(said.errors.find("only root"), std::string::npos) << said.errors;
  }
  EXPECT_FALSE(run.wait(300 * kMillisecond)) << "it was stopped";
  EXPECT_FALSE(await_event(out(), "note", "", 0));
}

TEST_F(ControlTest, SomebodyElsesSocketIsNotBelieved) {
  // A stranger binds a name that looks like a run's; root must not talk to it, least of all enter what it hands out.
  int ends[2];
  check("pipe", pipe2(ends, O_CLOEXEC));
  const Fd from(ends[0]);
  Fd to(ends[1]);
  const auto imposter = static_cast<pid_t>(check("fork", fork()));
  if (imposter == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    sockaddr_un name{AF_UNIX, "\0faultline.control.imposter"};
    const int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
    if (setgroups(0, nullptr) == 0 && setgid(65534) == 0 && setuid(65534) == 0 &&
        bind(fd, reinterpret_cast<sockaddr*>(&name),
             static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + sizeof "\0faultline.control.imposter" - 1)) ==
            0 &&
        listen(fd, 4) == 0 && write(to.get(), "x", 1) == 1)
      pause();
    _exit(1);
  }
  to.reset();
  char byte = 0;
  EXPECT_EQ(read(from.get(), &byte, 1), 1) << "it could not bind";
  EXPECT_TRUE(listed(imposter).is_null());
  kill(imposter, SIGKILL);
  waitpid(imposter, nullptr, 0);
}

TEST_F(ControlTest, ASecondSignalChangesNothing) {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    SCOPED_TRACE(strsignal(signal));
    const std::string name = fmt::format("run{}", signal);
    TwoNamespaces net;
    Command run = start(plan(net,
                             "[lab.rooms.east]\n[lab.hosts.stubborn]\nroom = \"east\"\n"
                             "command = [\"sh\", \"-c\", \"trap '' TERM; while :; do sleep 1; done\"]\n"),
                        name);
    ASSERT_TRUE(await_event(out(name), "fault_begin")) << run.errors();
    const Belongings had = run.belongings();
    run.signal(signal);
    ASSERT_TRUE(await_event(out(name), "healed")) << run.errors();
    run.signal(signal);
    EXPECT_FALSE(run.wait(0)) << "the second was to come while it takes things apart";
    expect_aborted(run, name, "signal");
    EXPECT_EQ(journal_of(out(name)).back()["event"], "end");
    std::vector<std::string> left;
    eventually([&] { return (left = had.left({net.here.inode(), net.there.inode()})).empty(); });
    for (const auto& one : left) ADD_FAILURE() << one;
  }
}

TEST_F(ControlTest, ANoteIsInTheJournal) {
  TwoNamespaces net;
  Command run = start(plan(net));
  ASSERT_TRUE(await_event(out(), "fault_begin")) << run.errors();
  const Said said = say({"note", "the pager rang \"twice\"", "--run", std::to_string(run.pid())});
  EXPECT_EQ(said.status, 0) << said.errors;
  ASSERT_TRUE(await_event(out(), "note", "the pager rang"));
  run.signal(SIGINT);
  expect_aborted(run, "plan", "signal");
  const json notes = summary_of(out())["notes"];
  ASSERT_EQ(notes.size(), 1u);
  EXPECT_EQ(notes[0]["text"], "the pager rang \"twice\"");
  EXPECT_FALSE(notes[0]["by"].get<std::string>().empty());
  EXPECT_GT(notes[0]["t_s"], 0);
}

TEST_F(ControlTest, LabExecEntersAHost) {
  Command run = start(kLab);
  ASSERT_TRUE(await_event(out(), "t0")) << run.errors();
  const std::string pid = std::to_string(run.pid());
  const auto exec = [&](std::vector<std::string> command) {
    std::vector<std::string> words{"lab", "exec", "--run", pid, "web", "--"};
    words.insert(words.end(), command.begin(), command.end());
    return say(words);
  };
  const Said address = exec({"ip", "-4", "-o", "addr", "show", "dev", "eth0"});
  EXPECT_EQ(address.status, 0) << address.errors;
  EXPECT_NE(address.out.find("10.77.1.10/24"), std::string::npos) << address.out;
  EXPECT_EQ(exec({"hostname"}).out, "web\n");
  EXPECT_EQ(exec({"sh", "-c", "echo $COLOUR $FAULTLINE_HOST $FAULTLINE_ADDRESS"}).out, "green web 10.77.1.10\n");
  EXPECT_EQ(exec({"cat", "/proc/1/comm"}).out, "faultline-init\n");
  EXPECT_EQ(exec({"getent", "hosts", "client"}).status, 0);
  EXPECT_EQ(exec({"pwd"}).out, "/tmp\n");
  EXPECT_EQ(exec({"sh", "-c", "exit 42"}).status, 42);
  EXPECT_EQ(exec({"sh", "-c", "kill -TERM $$"}).status, 128 + SIGTERM);
  const Said missing = exec({"no-such-program"});
  EXPECT_EQ(missing.status, 4);
  EXPECT_NE(missing.errors.find("no-such-program"), std::string::npos) << missing.errors;
  EXPECT_EQ(say({"lab", "exec", "--run", "no-such-run", "web", "--", "true"}).status, 4) << "another run was entered";
  const Said nobody = say({"lab", "exec", "--run", pid, "wob", "--", "true"});
  EXPECT_EQ(nobody.status, 4);
  EXPECT_NE(nobody.errors.find("no host \"wob\""), std::string::npos) << nobody.errors;
}

TEST_F(ControlTest, LabExecHasTheTerminal) {
  Command run = start(kLab);
  ASSERT_TRUE(await_event(out(), "t0")) << run.errors();
  const std::string exec = fmt::format("{} lab exec --run {} web -- ", binary(), run.pid());
  // script(1) makes the terminal. An interactive shell takes it for its own process group, and gives it back.
  Command terminal(
      {"script", "-qec",
       exec + "bash --norc -ic 'test -t 0 && echo a terminal; sleep 0.1 & fg; hostname'; " + exec + "hostname",
       "/dev/null"});
  ASSERT_EQ(terminal.wait(60 * kSecond), 0) << terminal.out() << terminal.errors();
  EXPECT_NE(terminal.out().find("a terminal"), std::string::npos) << terminal.out();
  EXPECT_EQ(terminal.out().find("job control"), std::string::npos) << terminal.out();
  EXPECT_NE(terminal.out().find("web\r\nweb\r\n"), std::string::npos) << terminal.out();
}

TEST_F(ControlTest, AVisitorEndsWithTheLab) {
  for (const int signal : {SIGKILL, SIGTERM}) {
    SCOPED_TRACE(strsignal(signal));
    const std::string name = fmt::format("run{}", signal);
    Command run = start(kLab, name);
    ASSERT_TRUE(await_event(out(name), "t0")) << run.errors();
    const std::string word = marker();
    Command visitor({binary(), "lab", "exec", "--run", std::to_string(run.pid()), "web", "--", "sh", "-c",
                     "sleep 1000; : " + word});
    ASSERT_TRUE(eventually([&] { return processes_with(word) >= 2; }))
        << visitor.errors();  // ours, and the shell there
    const Belongings had = run.belongings();
    run.signal(signal);
    EXPECT_EQ(run.wait(20 * kSecond), signal == SIGKILL ? 128 + SIGKILL : 5);
    EXPECT_EQ(visitor.wait(10 * kSecond), 128 + SIGKILL) << visitor.errors();
    EXPECT_EQ(processes_with(word), 0);
    EXPECT_TRUE(eventually([&] { return had.left().empty(); }));
  }
}

TEST_F(ControlTest, AVisitorThatIsKilledTakesItsCommandAlong) {
  Command run = start(kLab);
  ASSERT_TRUE(await_event(out(), "t0")) << run.errors();
  const std::string word = marker();
  Command visitor({binary(), "lab", "exec", "--run", std::to_string(run.pid()), "web", "--", "sh", "-c",
                   "while :; do sleep 0.1; done; : " + word});
  ASSERT_TRUE(eventually([&] { return processes_with(word) >= 2; })) << visitor.errors();
  visitor.signal(SIGKILL);
  EXPECT_TRUE(eventually([&] { return processes_with(word) == 0; }));
  EXPECT_EQ(listed(run.pid())["state"], "running");
}

TEST_F(ControlTest, NonsenseOnTheSocketHarmsNothing) {
  Command run = start(kLab);
  ASSERT_TRUE(await_event(out(), "t0")) << run.errors();
  const auto runs = run::running();
  const auto found = std::find_if(runs.begin(), runs.end(), [&](const auto& r) { return r.pid == run.pid(); });
  ASSERT_NE(found, runs.end());
  for (const std::string text : {"", "x", "{", "[]", "null", "{\"do\":3}", "{\"do\":\"dance\"}", "{\"do\":\"enter\"}",
                                 "{\"do\":\"note\",\"text\":[1]}"}) {
    const Fd socket = run::connect_to(found->socket, 5);
    ASSERT_TRUE(socket);
    if (text.empty()) continue;  // connects and leaves
    send_message(socket.get(), text);
    const auto answer = receive_message(socket.get());
    ASSERT_TRUE(answer) << text;
    EXPECT_TRUE(json::parse(answer->bytes).contains("error")) << text << ": " << answer->bytes;
  }
  std::vector<Fd> idlers;  // more than it has room for
  for (int i = 0; i < 200; i++) idlers.push_back(run::connect_to(found->socket, 5));
  EXPECT_EQ(listed(run.pid())["state"], "running");
}

// ---- guards ----

}  // namespace
}  // namespace faultline::test
