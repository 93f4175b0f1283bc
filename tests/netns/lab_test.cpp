// The lab with real services. Run as root; nginx, redis and curl must be installed.
#include "injector/lab/lab.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <sstream>

#include "injector/base/error.h"
#include "tests/harness/processes.h"

namespace faultline::lab {
namespace {

namespace fs = std::filesystem;

constexpr const char* kNginx = R"(
daemon off;
worker_processes 1;
error_log stderr notice;
pid /run/nginx.pid;
events { worker_connections 64; }
http {
  access_log off;
  server {
    listen 80;
    listen [::]:80;
    location / { return 200 "hello from $hostname\n"; }
    location /broken { return 500; }
  }
}
)";

/// A plan's folder under /tmp, which every host covers with a /tmp of its own.
class LabTest : public testing::Test {
 protected:
  LabTest() {
    char path[] = "/tmp/flab-plan-XXXXXX";
    if (mkdtemp(path) == nullptr) throw std::runtime_error("mkdtemp");
    directory_ = path;
    std::ofstream(directory_ + "/nginx.conf") << kNginx;
    plan_.rooms = {"east", "middle", "west"};
    link("metro", "east", "middle");
    link("trunk", "middle", "west");
  }
  ~LabTest() override { fs::remove_all(directory_); }

  void link(const std::string& name, const std::string& a, const std::string& b) {
    plan::LabLink link;
    link.name = name;
    link.a = a;
    link.b = b;
    plan_.links.push_back(link);
  }
  plan::LabHost& host(const std::string& name, const std::string& room, const std::vector<std::string>& command = {}) {
    plan::LabHost host;
    host.name = name;
    host.room = room;
    host.command = command;
    plan_.hosts.push_back(host);
    return plan_.hosts.back();
  }
  plan::LabHost& nginx(const std::string& name, const std::string& room) {
    plan::LabHost& added = host(name, room, {"nginx", "-c", directory_ + "/nginx.conf"});
    added.ready.emplace().http = "http://" + name + "/";
    return added;
  }
  std::unique_ptr<Lab> build() { return std::make_unique<Lab>(plan_, *nursery_, directory_, logs(), 30); }
  std::string logs() const { return directory_ + "/runs/services"; }
  std::string log(const std::string& name) const {
    std::ifstream file(logs() + "/" + name + ".log");
    return std::string((std::istreambuf_iterator<char>(file)), {});
  }
  /// Each line of a service's log begins with its time: the same without.
  static std::string without_times(const std::string& text) {
    static const std::regex time(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z ?)");
    return std::regex_replace(text, time, "");
  }
  /// What a shell command on a host prints; "exit status N" behind it when that is not 0.
  std::string run(const std::string& host, const std::string& script) {
    const Fd out(memfd_create("output", MFD_CLOEXEC));
    nursery::Command command;
    command.argv = {"sh", "-c", script};
    command.enclosure = host;
    command.output = out.get();
    const auto ended = nursery_->wait(nursery_->spawn(command), monotonic_now() + 30 * kSecond);
    std::string text(4096, '\0');
    text.resize(static_cast<std::size_t>(std::max<ssize_t>(0, pread(out.get(), text.data(), text.size(), 0))));
    if (!ended) return text + "still running";
    return ended->status == 0 ? text : text + "exit status " + std::to_string(WEXITSTATUS(ended->status));
  }
  /// The message of the failure that start() ends with.
  std::string failure_of(Lab& lab) {
    try {
      lab.start({});
    } catch (const Failure& f) {
      EXPECT_EQ(f.status(), Exit::cannot_run);
      return f.what();
    }
    return "no failure";
  }

  std::unique_ptr<nursery::Nursery> nursery_ = nursery::Nursery::start();
  std::string directory_;
  plan::Lab plan_;
};

#define EXPECT_HAS(text, part) EXPECT_PRED2(has, text, part)
bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST_F(LabTest, RealServicesAcrossRoomsByNameInBothFamilies) {
  nginx("web", "east");
  plan::LabHost& store =
      host("store", "west", {"redis-server", "--bind", "*", "-::*", "--protected-mode", "no", "--save", ""});
  store.ready.emplace().tcp = 6379;
  store.user = "redis";
  host("client", "west");
  const auto lab = build();
  std::vector<std::string> events;
  lab->start([&](auto& name, auto& event, auto&) { events.push_back(name + " " + event); });
  ASSERT_EQ(events.size(), 4u);
  EXPECT_EQ(std::vector<std::string>(events.begin(), events.begin() + 2),
            (std::vector<std::string>{"web started", "store started"}));  // at once, in the order of the plan
  EXPECT_EQ(std::count(events.begin(), events.end(), "web ready"), 1);
  EXPECT_EQ(std::count(events.begin(), events.end(), "store ready"), 1);

  EXPECT_EQ(run("client", "curl -sS -4 -m 10 http://web/"), "hello from web\n");
  EXPECT_EQ(run("client", "curl -sS -6 -m 10 http://web/"), "hello from web\n");
  EXPECT_EQ(run("web", "redis-cli -h store ping"), "PONG\n");
  EXPECT_EQ(run("web", "redis-cli -h fd77:0:0:3::10 ping"), "PONG\n");
  EXPECT_EQ(run("client", "ping -c 1 -W 5 10.78.1.1 >/dev/null && echo reached"),
            "reached\n");  // a router, two rooms away
  EXPECT_HAS(run("client", "curl -sS -m 10 http://nobody.example/"), "Could not resolve host");
  EXPECT_HAS(log("web"), "start worker process");
  EXPECT_HAS(log("store"), "Ready to accept connections");
  EXPECT_EQ(run("store", "stat -c %U /proc/$(pidof redis-server)"), "redis\n");

  EXPECT_EQ(lab->names().at("web"), "10.77.1.10");
  ASSERT_EQ(lab->addresses("client").size(), 2u);
  EXPECT_EQ(lab->addresses("client")[0].text(), "10.77.3.11/32");
  EXPECT_EQ(lab->addresses("client")[1].text(), "fd77:0:0:3::11/128");
  EXPECT_EQ(lab->hosts_of("west"), (std::vector<std::string>{"store", "client"}));
  ASSERT_EQ(lab->link_ends("trunk").size(), 2u);
  for (const auto& end : lab->link_ends("trunk")) {
    const Inside inside(lab->room_ns(end.room));
    const auto devices = list_devices();
    EXPECT_TRUE(
        std::any_of(devices.begin(), devices.end(), [&](auto& d) { return d.name == end.device && d.kind == "veth"; }));
  }
  EXPECT_THROW(lab->host_ns("nobody"), std::out_of_range);
  EXPECT_EQ(run("client", "readlink /proc/self/ns/net"),
            "net:[" + std::to_string(lab->host_ns("client").inode()) + "]\n");

  EXPECT_TRUE(lab->stop().empty());
  EXPECT_HAS(log("store"), "bye bye");  // it was asked, not shot
}

TEST_F(LabTest, ACommandSeesItsPlanItsNameAndTheScale) {
  plan::LabHost& h = host("web", "east",
                          {"sh", "-c",
                           "echo $FAULTLINE_HOST $FAULTLINE_ADDRESS $FAULTLINE_SCALE $COLOUR; hostname; "
                           "pwd; head -2 " +
                               directory_ + "/nginx.conf; sleep 1000"});
  h.environment["COLOUR"] = "mauve";
  h.ready.emplace().command = {"sh", "-c", "test -d \"$PWD\" && test \"$COLOUR\" = mauve && ls /tmp"};
  const auto lab = build();
  lab->start({});
  ASSERT_TRUE(test::eventually([&] { return log("web").find("daemon off") != std::string::npos; }));
  EXPECT_EQ(without_times(log("web")), "web 10.77.1.10 30 mauve\nweb\n/tmp\n\ndaemon off;\n");
  EXPECT_TRUE(std::regex_match(log("web").substr(0, log("web").find('\n')),
                               std::regex(R"(\d{4}-\d\d-\d\dT[0-9:]{8}\.\d{6}Z web 10\.77\.1\.10 30 mauve)")))
      << log("web");
}

TEST_F(LabTest, ACommandStartsWhenTheHostsItComesAfterAreReady) {
  // c needs b, b needs a; they stand in the wrong order in the plan. a is slow.
  host("c", "west", {"sleep", "1000"}).after = {"b"};
  plan::LabHost& b = host("b", "west", {"sleep", "1000"});
  b.after = {"a"};
  b.ready.emplace().command = {"true"};
  plan::LabHost& a = host("a", "east", {"sh", "-c", "sleep 0.5; touch /tmp/up; sleep 1000"});
  a.ready.emplace().command = {"test", "-e", "/tmp/up"};
  const auto lab = build();
  std::vector<std::string> events;
  lab->start([&](auto& name, auto& event, auto&) { events.push_back(name + " " + event); });
  EXPECT_EQ(events, (std::vector<std::string>{"a started", "a ready", "b started", "b ready", "c started"}));
}

TEST_F(LabTest, AServiceThatIsNeverReadyGivesTheTailOfItsLog) {
  plan::LabHost& h = host(
      "web", "east", {"sh", "-c", "for i in $(seq 1 40); do echo line $i; done; echo 'no \033[31mred'; sleep 1000"});
  h.ready.emplace().tcp = 8080;
  h.ready->within = 2 * kSecond;
  const auto lab = build();
  const std::string message = without_times(failure_of(*lab));
  EXPECT_HAS(message, "\"web\" was not ready within 2 s: asked whether tcp port 8080 accepts a connection");
  EXPECT_HAS(message, "10.77.1.10: Connection refused");
  EXPECT_HAS(message, logs() + "/web.log");
  EXPECT_HAS(message, "    | line 27\n");
  EXPECT_HAS(message, "    | line 40\n    | no \\u001b[31mred\n");
  EXPECT_EQ(message.find("line 26\n"), std::string::npos);
}

TEST_F(LabTest, AServiceThatEndsBeforeItIsReadyFailsAtOnce) {
  plan::LabHost& h = host("web", "east", {"nginx", "-c", directory_ + "/nginx.conf", "-g", "gibberish;"});
  h.ready.emplace().tcp = 80;
  h.ready->within = 600 * kSecond;
  plan::LabHost& other = host("other", "east", {"sleep", "1000"});
  other.ready.emplace().tcp = 80;
  other.ready->within = 600 * kSecond;
  const auto lab = build();
  const std::string message = failure_of(*lab);
  EXPECT_HAS(message, "\"web\": its command ended before it was ready (exit status 1)");
  EXPECT_HAS(message, "gibberish");
}

TEST_F(LabTest, AStartCanBeCancelled) {
  plan::LabHost& h = host("web", "east", {"sleep", "1000"});
  h.ready.emplace().tcp = 80;
  h.ready->within = 600 * kSecond;
  const auto lab = build();
  try {
    lab->start([&](auto&, auto&, auto&) { lab->cancel(); });
    FAIL() << "it started";
  } catch (const Failure& f) {
    EXPECT_EQ(f.status(), Exit::aborted);
  }
}

TEST_F(LabTest, HttpReadinessWantsA2xx) {
  plan::LabHost& h = nginx("web", "east");
  h.ready->http = "http://[::1]:80/broken";
  h.ready->within = 2 * kSecond;
  const auto lab = build();
  EXPECT_HAS(failure_of(*lab), "http://[::1]:80/broken answers 2xx; the last answer was: ::1: status 500");
}

TEST_F(LabTest, AMissingProgramIsNamedWithItsPackage) {
  host("web", "east", {"/no/such/nginx"});
  const auto lab = build();
  const std::string message = failure_of(*lab);
  EXPECT_HAS(message, "\"/no/such/nginx\" on lab host \"web\"");
  EXPECT_HAS(message, "apt-get install nginx-core");
}

TEST_F(LabTest, PollReportsAServiceThatDiedOnce) {
  host("web", "east", {"sh", "-c", "exec sleep 1000"});
  host("job", "east", {"sh", "-c", "exit 3"});
  const auto lab = build();
  lab->start({});
  std::vector<std::string> events;
  const auto listen = [&](auto& name, auto& event, auto& detail) {
    events.push_back(name + " " + event + " " + detail);
  };
  EXPECT_TRUE(test::eventually([&] { return lab->poll(listen), events.size() == 1; }));
  run("web", "kill -9 $(pidof sleep)");
  EXPECT_TRUE(test::eventually([&] { return lab->poll(listen), events.size() == 2; }));
  lab->poll(listen);
  EXPECT_EQ(events, (std::vector<std::string>{"job ended exit status 3", "web ended killed by signal 9 (Killed)"}));
}

TEST_F(LabTest, StopEndsStubbornServicesAndDaemons) {
  const std::string marker = test::marker();
  host("stubborn", "east", {"sh", "-c", "trap '' TERM; while :; do sleep 1; done; : " + marker});
  host("daemon", "east", {"sh", "-c", "setsid sh -c 'while :; do sleep 1; done' " + marker + " & exit 0"});
  const auto lab = build();
  lab->start({});
  ASSERT_TRUE(test::eventually([&] { return test::processes_with(marker) >= 2; }));
  EXPECT_TRUE(lab->stop().empty());
  EXPECT_TRUE(test::eventually([&] { return test::processes_with(marker) == 0; }));
  EXPECT_TRUE(lab->stop().empty());  // nothing left to do
  std::vector<std::string> events;
  lab->poll([&](auto& name, auto&, auto&) { events.push_back(name); });
  EXPECT_TRUE(events.empty());  // what we stopped did not die on us
}

TEST_F(LabTest, ALabThatCannotBeBuiltLeavesItsNamesFree) {
  host("web", "east");
  host("web", "west");  // the second enclosure of that name is refused
  EXPECT_THROW(build(), Failure);
  plan_.hosts.pop_back();
  const auto lab = build();
  EXPECT_EQ(run("web", "hostname"), "web\n");
}

TEST(LabDeath, KillLeavesNothing) {
  const std::string marker = test::marker();
  char directory[] = "/tmp/flab-kill-XXXXXX";
  ASSERT_NE(mkdtemp(directory), nullptr);
  // Each namespace of the lab gets one end of a veth pair whose other end is here: it goes when that namespace goes.
  const NetNs canaries = NetNs::create();
  const auto canaries_left = [&] {
    const Inside inside(canaries);
    const auto devices = list_devices();
    return std::count_if(devices.begin(), devices.end(), [](auto& d) { return d.name.rfind("canary", 0) == 0; });
  };
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  Fd from_child(ends[0]), to_parent(ends[1]);
  const pid_t victim = fork();
  ASSERT_NE(victim, -1);
  if (victim == 0) {
    try {
      const auto nursery = nursery::Nursery::start();
      plan::Lab plan;
      plan.rooms = {"east", "west"};
      plan.links.resize(1);
      plan.links[0].name = "metro";
      plan.links[0].a = "east";
      plan.links[0].b = "west";
      plan.hosts.resize(2);
      plan.hosts[0].name = "loop";
      plan.hosts[0].room = "east";
      plan.hosts[0].command = {"sh", "-c", "trap '' TERM HUP; while :; do sleep 1; done; : " + marker};
      plan.hosts[1].name = "daemon";
      plan.hosts[1].room = "west";
      plan.hosts[1].command = {"sh", "-c", "setsid sh -c 'while :; do sleep 1; done' " + marker + " & wait"};
      Lab lab(plan, *nursery, directory, std::string(directory) + "/log", 1);
      int count = 0;
      for (const NetNs* ns :
           {&lab.host_ns("loop"), &lab.host_ns("daemon"), &lab.room_ns("east"), &lab.room_ns("west")}) {
        VethEnd near, far;
        near.name = far.name = "canary" + std::to_string(count++);
        near.ns = &canaries;
        far.ns = ns;
        add_veth(near, far);
      }
      lab.start({});
      [[maybe_unused]] const ssize_t told = write(to_parent.get(), "x", 1);
      for (;;) pause();
    } catch (const std::exception& e) {
      fprintf(stderr, "victim: %s\n", e.what());
    }
    _exit(1);
  }
  to_parent.reset();
  char byte;
  const bool up = read(from_child.get(), &byte, 1) == 1;
  EXPECT_TRUE(up);
  EXPECT_TRUE(test::eventually([&] { return test::processes_with(marker) >= 3; }));
  EXPECT_EQ(canaries_left(), 4);
  // The namespaces of everything that carries the marker, and those of their init.
  std::set<std::uint64_t> held;
  for (const char* kind : {"net", "mnt", "uts", "ipc", "pid"})
    for (const std::uint64_t inode : test::namespaces_of(marker, kind)) held.insert(inode);
  for (const char* kind : {"net", "mnt", "uts", "ipc", "pid"}) held.erase(test::own_namespace(kind));
  EXPECT_GE(held.size(), 9u);  // one PID namespace; network, mount, UTS and IPC of two hosts

  // A stopped init cannot notice that we are gone: what ends it must be the kernel (PDEATHSIG).
  pid_t init = 0;
  std::ifstream("/proc/" + std::to_string(victim) + "/task/" + std::to_string(victim) + "/children") >> init;
  ASSERT_GT(init, 1);
  kill(init, SIGSTOP);
  kill(victim, SIGKILL);
  waitpid(victim, nullptr, 0);
  EXPECT_TRUE(test::eventually([&] { return test::processes_with(marker) == 0; }));
  EXPECT_TRUE(test::eventually([&] { return canaries_left() == 0; }));
  EXPECT_TRUE(test::eventually([&] {
    for (const char* kind : {"net", "mnt", "uts", "ipc", "pid"})
      for (const std::uint64_t inode : test::namespaces(kind))
        if (held.count(inode) != 0) return false;
    return true;
  }));
  fs::remove_all(directory);
}

}  // namespace
}  // namespace faultline::lab
