#include "injector/screen/display.h"

#include <fcntl.h>
#include <pty.h>
#include <sys/ioctl.h>

#include <thread>

#include "injector/base/error.h"
#include "injector/screen/live_view.h"
#include "injector/screen/plain_view.h"
#include "tests/unit/record_fixture.h"

namespace faultline::record {
namespace {

using namespace testing;

plan::Plan a_plan() {
  plan::Plan p;
  p.title = "Machine-room jitter between payment and bank";
  p.duration = 70 * kSecond;
  p.probes.resize(2);
  p.probes[0].name = "pay";
  p.probes[0].kind = probe::find_kind("http");
  p.probes[1].name = "a-probe-with-quite-a-long-name";
  p.probes[1].kind = probe::find_kind("http");
  p.faults.resize(1);
  p.faults[0].name = "room-jitter";
  p.faults[0].start = 20 * kSecond;
  p.faults[0].end = 60 * kSecond;
  return p;
}

probe::Sample sample(std::size_t probe, Ns due, bool ok, Ns latency) {
  return {probe, due, 0, latency, ok, ok ? "" : "timeout"};
}

/// Sets an environment variable for a scope.
class Variable {
 public:
  Variable(const char* name, const char* value) : name_(name) {
    if (const char* old = getenv(name)) old_ = old;
    had_ = getenv(name) != nullptr;
    value ? setenv(name, value, 1) : unsetenv(name);
  }
  ~Variable() { had_ ? setenv(name_, old_.c_str(), 1) : unsetenv(name_); }

 private:
  const char* name_;
  std::string old_;
  bool had_;
};

/// A pseudo terminal with somebody reading it.
class Terminal {
 public:
  explicit Terminal(unsigned short width, unsigned short height = 24) {
    const winsize size{height, width, 0, 0};
    check("open a pseudo terminal", openpty(&master_, &slave_, nullptr, nullptr, &size));
    fcntl(master_, F_SETFL, O_NONBLOCK);
  }
  ~Terminal() {
    close(master_);
    close(slave_);
  }
  int fd() const { return slave_; }
  void resize(unsigned short width) {
    const winsize size{24, width, 0, 0};
    ioctl(slave_, TIOCSWINSZ, &size);
  }
  std::string read_all() {
    std::string text;
    char buffer[4096];
    for (ssize_t n; (n = ::read(master_, buffer, sizeof buffer)) > 0;) text.append(buffer, static_cast<std::size_t>(n));
    return text;
  }

 private:
  int master_ = -1, slave_ = -1;
};

std::string without_escapes(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\x1b')
      while (i + 1 < text.size() && !isalpha(static_cast<unsigned char>(text[i]))) ++i;
    else if (text[i] != '\r')
      out += text[i];
  }
  return out;
}

int widest(const std::string& text) {
  int most = 0;
  std::istringstream lines(without_escapes(text));
  for (std::string line; std::getline(lines, line);) most = std::max(most, screen::columns(line));
  return most;
}

void fill(screen::Watch& watch) {
  for (Ns due = 0; due < 30 * kSecond; due += 50 * kMillisecond) {
    watch.probes[0].add(sample(0, due, due < 25 * kSecond, 2 * kMillisecond + due / 1000), due);
    watch.probes[1].add(sample(1, due, true, 30 * kMicrosecond), due);
  }
}

TEST(LiveView, NeverGetsWiderOrHigherThanTheTerminal) {
  const plan::Plan p = a_plan();
  screen::Watch watch(p);
  fill(watch);
  for (int width : {1, 12, 40, 60, 80, 200})
    for (int height : {2, 4, 24})
      for (bool utf8 : {false, true})
        for (Ns now : {-kSecond, Ns{0}, 10 * kSecond, 30 * kSecond, 65 * kSecond, 80 * kSecond}) {
          const auto rows =
              screen::live_view(watch, now, {.width = width, .height = height, .color = false, .utf8 = utf8});
          EXPECT_LT(rows.size(), static_cast<std::size_t>(std::max(height, 2)));
          for (const auto& row : rows) {
            EXPECT_LT(screen::columns(row.bytes()), std::max(width, 11)) << width << ": " << row.bytes();
            if (!utf8) {
              for (const char c : row.bytes()) EXPECT_GE(c, 0x20) << row.bytes();
            }
          }
        }
}

TEST(LiveView, ShowsTheFaultUnderWayAndTheProbes) {
  const plan::Plan p = a_plan();
  screen::Watch watch(p);
  fill(watch);
  const auto rows =
      screen::live_view(watch, 30 * kSecond - 1, {.width = 100, .height = 24, .color = false, .utf8 = true});
  ASSERT_EQ(rows.size(), 6u);
  EXPECT_NE(rows[0].bytes().find("Machine-room jitter"), std::string::npos);
  EXPECT_NE(rows[0].bytes().find("30.0 s / 1m10s"), std::string::npos);
  EXPECT_NE(rows[1].bytes().find("█┃▒"), std::string::npos);
  EXPECT_NE(rows[2].bytes().find("room-jitter  30.0 s left"), std::string::npos);
  EXPECT_NE(rows[3].bytes().find("pay"), std::string::npos);
  EXPECT_NE(rows[3].bytes().find("0%"), std::string::npos);
  EXPECT_NE(rows[3].bytes().find("×"), std::string::npos);
  EXPECT_EQ(rows[4].bytes().find("  timeout "), 0u) << rows[4].bytes();
  EXPECT_NE(rows[5].bytes().find("100%  p50 30.0 µs"), std::string::npos) << rows[5].bytes();
  const auto before =
      screen::live_view(watch, 10 * kSecond, {.width = 100, .height = 24, .color = false, .utf8 = true});
  EXPECT_NE(before[2].bytes().find("baseline: room-jitter begins in 10.0 s"), std::string::npos) << before[2].bytes();
  const auto after = screen::live_view(watch, 65 * kSecond, {.width = 100, .height = 24, .color = false, .utf8 = true});
  EXPECT_NE(after[2].bytes().find("recovery: 5.0 s left"), std::string::npos) << after[2].bytes();
}

TEST(LiveView, ShowsErrorsNowTheMostFrequentFirst) {
  const plan::Plan p = a_plan();
  screen::Watch watch(p);
  const screen::Look look{.width = 100, .height = 24, .color = false, .utf8 = true};
  for (int i = 0; i < 1200; i++)
    watch.add({0, 30 * kSecond, 0, kMillisecond, false, i % 4 == 0 ? "refused" : "timeout"}, 30 * kSecond);
  const auto rows = screen::live_view(watch, 31 * kSecond, look);
  EXPECT_EQ(rows.at(4).bytes(), "  timeout 900, refused 300");
  EXPECT_EQ(screen::live_view(watch, 40 * kSecond, look).size() + 1, rows.size()) << "it is over";
}

TEST(LiveView, ShowsHowNearGuardsAre) {
  plan::Plan p = a_plan();
  p.guards.resize(1);
  p.guards[0].name = "lost";
  p.guards[0].probe = "pay";
  p.guards[0].success = bound(plan::Bound::Op::lt, 0.2, "< 20%");
  p.guards[0].window = 10 * kSecond;
  screen::Watch watch(p);
  const screen::Look look{.width = 100, .height = 24, .color = false, .utf8 = true};
  EXPECT_EQ(screen::live_view(watch, 5 * kSecond, look).back().bytes(),
            "guard lost  nothing yet; acts at success < 20% for 10s");
  GuardWindow window(p.guards[0], 0, p.duration);
  for (int i = 0; i < 10; i++) window.add(sample(0, kSecond + i * kMillisecond, i < 7, kMillisecond));
  watch.guards[0].standing = window.standing();
  EXPECT_EQ(screen::live_view(watch, 5 * kSecond, look).back().bytes(),
            "guard lost  success 70.0% (7 of 10); acts at success < 20% for 10s");
}

TEST(LiveView, ShowsWhichHypothesesHoldSoFar) {
  plan::Plan p = a_plan();
  const auto add = [&](const std::string& name, const std::string& during) -> plan::Hypothesis& {
    auto& h = p.hypotheses.emplace_back();
    h.name = name;
    h.probe = "pay";
    h.during = during;
    return h;
  };
  add("it works", "baseline").success = bound(plan::Bound::Op::ge, 0.99, ">= 99%");
  add("it is quick", "room-jitter").p99 = bound(plan::Bound::Op::le, 250.0 * kMillisecond, "<= 250ms");
  add("it works again", "recovery").success = bound(plan::Bound::Op::ge, 0.99, ">= 99%");
  add("it gets well", "recovery").eventually = 5 * kSecond;  // not to be told while it goes on
  screen::Watch watch(p);
  for (int i = 0; i < 100; i++) watch.add(sample(0, kSecond + i * kMillisecond, true, kMillisecond), kSecond);
  for (int i = 0; i < 100; i++)
    watch.add(sample(0, 20 * kSecond + i * kMillisecond, true, (i < 90 ? 1 : 300) * kMillisecond), 21 * kSecond);
  const screen::Look look{.width = 100, .height = 24, .color = false, .utf8 = true};
  const auto rows = screen::live_view(watch, 30 * kSecond, look);
  ASSERT_EQ(rows.size(), 8u);
  EXPECT_EQ(rows[5].bytes(), "✓ it works  success 100% (100 of 100)");
  EXPECT_EQ(rows[6].bytes(), "✗ it is quick  so far p99: 90.0% within 250 ms");
  EXPECT_EQ(rows[7].bytes(), "· it works again  to come");
  for (const auto& row : screen::live_view(watch, 30 * kSecond, look, true))
    EXPECT_EQ(row.bytes().find("so far"), std::string::npos) << row.bytes();
  for (int i = 0; i < 6; i++) add("more", "recovery").success = bound(plan::Bound::Op::ge, 0.99, ">= 99%");
  screen::Watch many(p);
  EXPECT_EQ(screen::live_view(many, 30 * kSecond, look).back().bytes(), "hypotheses so far: 0 hold, 9 to come");
}

TEST(LiveView, GivesWhatWasAskedARowOfItsOwnWhereItDoesNotFit) {
  const plan::Plan p = a_plan();
  screen::Watch watch(p);
  watch.faults[0].asked = "episodes.every 5s, episodes.last 3s, delay 300ms, jitter 150ms, loss 22%";
  const auto narrow = screen::live_view(watch, 30 * kSecond, {.width = 80, .height = 24, .color = false, .utf8 = true});
  ASSERT_GE(narrow.size(), 4u);
  EXPECT_EQ(narrow[2].bytes().find("episodes"), std::string::npos) << narrow[2].bytes();
  EXPECT_EQ(narrow[3].bytes(), "  " + watch.faults[0].asked);
  const auto wide = screen::live_view(watch, 30 * kSecond, {.width = 120, .height = 24, .color = false, .utf8 = true});
  EXPECT_EQ(wide.size() + 1, narrow.size());
  EXPECT_NE(wide[2].bytes().find("loss 22%"), std::string::npos) << wide[2].bytes();
}

TEST(LiveView, TheFinalFrameSaysNothingOfWhatIsUnderWay) {
  const plan::Plan p = a_plan();
  screen::Watch watch(p);
  fill(watch);
  const screen::Look look{.width = 100, .height = 24, .color = false, .utf8 = true};
  const auto over = screen::live_view(watch, p.duration, look);
  EXPECT_NE(over[2].bytes().find("over: taking everything away"), std::string::npos) << over[2].bytes();
  const auto final = screen::live_view(watch, p.duration, look, true);
  EXPECT_EQ(final.size() + 1, over.size());
  for (const auto& row : final) EXPECT_EQ(row.bytes().find("over:"), std::string::npos) << row.bytes();
}

TEST(Display, AStepTakesThePlaceOfTheOneBeforeOnATerminal) {
  const Variable term("TERM", "xterm"), language("LC_ALL", "C.UTF-8"), color("NO_COLOR", nullptr);
  Terminal terminal(40);
  const plan::Plan p = a_plan();
  screen::Display display(p, terminal.fd(), false);
  display.step("attaching to " + std::string(100, 'x') + " (1/7)");
  EXPECT_LT(widest(terminal.read_all()), 40);
  display.step("attaching to web2 (2/7)");
  const std::string text = terminal.read_all();
  EXPECT_EQ(text.find("\x1b[1A\r\x1b[J"), 0u) << text;
  EXPECT_NE(text.find("web2"), std::string::npos);
  display.begin(monotonic_now());
  EXPECT_EQ(terminal.read_all().find("\x1b[1A\r\x1b[J"), 0u);
}

TEST(PlainView, TheMomentBeforeTheStartIsNoNegativeZero) {
  EXPECT_EQ(screen::PlainView::clock_label(-20 * kMillisecond), "[  0.0s] ");
  EXPECT_EQ(screen::PlainView::clock_label(-3 * kSecond), "[ -3.0s] ");
  EXPECT_EQ(screen::PlainView::clock_label(1500 * kMillisecond), "[  1.5s] ");
}

TEST(Row, ShowsControlCharactersAndCountsWideOnes) {
  EXPECT_EQ(screen::clipped("a\x1b[2Jb\xff", 80), "a\\u001b[2Jb\\xff");
  EXPECT_EQ(screen::columns("\x1b"), 6) << "as it is shown";
  EXPECT_EQ(screen::columns("支付"), 4);
  EXPECT_EQ(screen::clipped("支付", 3), "支");
  EXPECT_EQ(screen::columns("é"), 1);
}

/// All lines of a run of the plan.
std::string told_of(const plan::Plan& p) {
  screen::Watch watch(p);
  screen::PlainView plain(watch);
  fill(watch);
  std::string all;
  for (Ns now = 0; now < 70 * kSecond; now += 100 * kMillisecond)
    for (const auto& line : plain.lines(now, false)) all += line + "\n";
  for (const auto& line : plain.lines(70 * kSecond, true)) all += line + "\n";
  return all;
}

TEST(PlainView, TellsEachThingOnce) {
  const plan::Plan p = a_plan();
  const std::string all = told_of(p);
  const auto count = [&](const std::string& what) {
    int n = 0;
    for (auto at = all.find(what); at != std::string::npos; at = all.find(what, at + 1)) ++n;
    return n;
  };
  EXPECT_EQ(count("[ 20.0s] fault room-jitter begins (40s)"), 1) << all;
  EXPECT_EQ(count("[ 60.0s] fault room-jitter ends"), 1) << all;
  EXPECT_EQ(count("baseline: pay 400 finished, 100% ok"), 1) << all;
  EXPECT_EQ(count("room-jitter: pay 200 finished, 50.0% ok"), 1) << all;
  EXPECT_EQ(count("recovery: pay 0 finished"), 1) << all;
  EXPECT_GE(count("last second"), 2) << all;
  EXPECT_LE(count("last second"), 7) << all;
}

TEST(PlainView, FaultsInForceAtTheSameTimeHaveOneLineOfFigures) {
  plan::Plan p = a_plan();
  p.faults.push_back(p.faults[0]);
  p.faults[1].name = "loss";
  p.faults.push_back(p.faults[0]);
  p.faults[2].name = "earlier";
  p.faults[2].end = 40 * kSecond;
  const std::string all = told_of(p);
  for (const char* line : {"fault room-jitter begins (40s)\n", "fault loss begins (40s)\n", "fault loss ends\n",
                           "] room-jitter+loss: pay 200 finished", "] earlier: pay 200 finished"})
    EXPECT_NE(all.find(line), std::string::npos) << line << all;
  EXPECT_EQ(all.find("] loss: "), std::string::npos) << all;
}

TEST(Display, DrawsInPlaceOnATerminalAndLeavesItAsItWas) {
  const Variable term("TERM", "xterm"), language("LC_ALL", "C.UTF-8"), color("NO_COLOR", nullptr);
  for (unsigned short width : {40, 80, 132}) {
    Terminal terminal(width);
    const plan::Plan p = a_plan();
    std::string text;
    {
      screen::Display display(p, terminal.fd(), false);
      display.step("lab: web1 is ready");
      display.begin(monotonic_now() - 30 * kSecond);
      for (int i = 0; i < 20; ++i) display.sample(sample(0, 29 * kSecond + i * kMillisecond, true, 2 * kMillisecond));
      display.tick();
      text = terminal.read_all();
      EXPECT_NE(text.find("lab: web1 is ready"), std::string::npos);
      EXPECT_NE(text.find("\x1b[?25l"), std::string::npos);
      EXPECT_NE(text.find("\x1b[5A\r\x1b[J"),
                std::string::npos);  // the second frame replaces the five rows of the first
      EXPECT_NE(text.find("\x1b[1;31m"), std::string::npos);
      EXPECT_NE(text.find("100%"), std::string::npos);
      EXPECT_EQ(text.find("\x1b[?1049h"), std::string::npos);
      EXPECT_LT(widest(text), width);
      terminal.resize(40);
      display.tick();
      EXPECT_LT(widest(terminal.read_all()), 40);
    }
    EXPECT_NE(terminal.read_all().find("\x1b[?25h"), std::string::npos);
  }
}

TEST(Display, HonoursNoColorAndAsciiLocales) {
  const Variable term("TERM", "xterm"), language("LC_ALL", "C"), color("NO_COLOR", "1");
  Terminal terminal(80);
  const plan::Plan p = a_plan();
  screen::Display display(p, terminal.fd(), false);
  display.begin(monotonic_now() - 30 * kSecond);
  display.sample(sample(0, 29 * kSecond, true, 20 * kMicrosecond));
  display.tick();
  const std::string text = terminal.read_all();
  EXPECT_EQ(text.find("m"), text.find("Machine-room") + std::string("Machine-roo").size()) << "an SGR code: " << text;
  for (const char c : text) EXPECT_GE(c, 0) << text;
}

TEST(Display, WritesPlainLinesElsewhere) {
  const Variable language("LC_ALL", "C.UTF-8");
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const plan::Plan p = a_plan();
  {
    screen::Display display(p, ends[1], false);
    display.step("lab: web1 is ready");
    display.begin(monotonic_now() - 20 * kSecond);
    std::vector<std::thread> threads;
    for (std::size_t t = 0; t < 2; ++t)
      threads.emplace_back([&display, t] {
        for (int i = 0; i < 1000; ++i) display.sample(sample(t, i * kMillisecond, true, kMillisecond));
        display.note("note\nwith a break");
      });
    for (auto& thread : threads) thread.join();
    display.tick();
    display.end();
    display.end();
  }
  close(ends[1]);
  std::string text;
  char buffer[4096];
  for (ssize_t n; (n = ::read(ends[0], buffer, sizeof buffer)) > 0;) text.append(buffer, static_cast<std::size_t>(n));
  close(ends[0]);
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_EQ(text.rfind("lab: web1 is ready\n", 0), 0u) << text;
  EXPECT_NE(text.find("Machine-room jitter between payment and bank (1m10s)\n"), std::string::npos) << text;
  EXPECT_NE(text.find("[ 20.0s] fault room-jitter begins (40s)\n"), std::string::npos) << text;
  EXPECT_NE(text.find("note\\nwith a break\n"), std::string::npos) << text;
  EXPECT_NE(text.find("baseline: pay 1,000 finished, 100% ok, p50 1.00 ms"), std::string::npos) << text;
}

TEST(Display, DoesNotWaitForAFullPipe) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  fcntl(ends[1], F_SETPIPE_SZ, 4096);
  const plan::Plan p = a_plan();
  {
    screen::Display display(p, ends[1], false);
    for (int i = 0; i < 1000; ++i) display.step("a line that nobody reads, forty times over");  // would block for ever
  }
  char buffer[64];
  EXPECT_GT(::read(ends[0], buffer, sizeof buffer), 0);
  close(ends[0]);
  close(ends[1]);
}

TEST(Display, QuietSaysNothing) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  {
    const plan::Plan p = a_plan();
    screen::Display display(p, ends[1], true);
    display.step("x");
    display.begin(monotonic_now());
    display.tick();
  }
  close(ends[1]);
  char c;
  EXPECT_EQ(::read(ends[0], &c, 1), 0);
  close(ends[0]);
}

}  // namespace
}  // namespace faultline::record
