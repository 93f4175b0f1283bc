#include "injector/record/journal.h"
#include "injector/base/text.h"

#include <sys/resource.h>
#include <sys/wait.h>

#include <set>
#include <thread>

#include "injector/base/error.h"
#include "injector/base/text.h"
#include "injector/record/events.h"
#include "injector/record/sample_batch.h"
#include "injector/record/verdict.h"
#include "tests/unit/record_fixture.h"

namespace faultline::record {
namespace {

using namespace testing;
using nlohmann::json;

std::vector<json> lines_of(const TemporaryFolder& folder) {
  std::vector<json> all;
  std::istringstream text(folder.read("journal.jsonl"));
  for (std::string line; std::getline(text, line);) all.push_back(json::parse(line));
  return all;
}

probe::Sample sample_of(Ns due, Ns latency, bool ok = true, const std::string& error = {}) {
  return {0, due, 10 * kMicrosecond, latency, ok, error};
}

TEST(Journal, WritesOneObjectALineWithItsClocks) {
  TemporaryFolder folder;
  {
    Journal journal(folder.path());
    journal.write(events::Step{"building the \"lab\"\n"});
    journal.write(events::End{});
    journal.set_epoch(monotonic_now() - 5 * kSecond);
    journal.write(events::Warning{"x"});
  }
  const auto lines = lines_of(folder);
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[0].at("event"), "step");
  EXPECT_EQ(lines[0].at("what"), "building the \"lab\"\n");
  EXPECT_FALSE(lines[0].contains("t"));
  EXPECT_EQ(lines[1].at("event"), "end");
  EXPECT_GE(lines[2].at("t").get<Ns>(), 5 * kSecond);
  EXPECT_LE(lines[0].at("mono").get<Ns>(), lines[2].at("mono").get<Ns>());
  const std::string at = lines[0].at("at");
  ASSERT_EQ(at.size(), 27u);
  EXPECT_EQ(at[10], 'T');
  EXPECT_EQ(at.back(), 'Z');
}

TEST(Journal, ItsClockStandsStillWhereTheRunWaits) {
  TemporaryFolder folder;
  {
    Journal journal(folder.path());
    journal.set_epoch(monotonic_now() - 5 * kSecond);
    journal.hold_at(4 * kSecond);
    journal.write(events::Hold{});
    journal.hold_at(3600 * kSecond);
    journal.write(events::Step{"before the next"});
    journal.hold_at({});
    journal.write(events::Step{"none left"});
  }
  const auto lines = lines_of(folder);
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[0].at("t").get<Ns>(), 4 * kSecond);
  for (const std::size_t i : {1, 2}) EXPECT_GE(lines[i].at("t").get<Ns>(), 5 * kSecond);
}

TEST(Journal, RefusesAFolderThatHasOne) {
  TemporaryFolder folder;
  folder.write("journal.jsonl", "mine\n");
  EXPECT_THROW(Journal journal(folder.path()), std::system_error);
  EXPECT_EQ(folder.read("journal.jsonl"), "mine\n");
}

TEST(Journal, FlushMakesWhatWasSaidReadable) {
  TemporaryFolder folder;
  Journal journal(folder.path());
  for (int i = 0; i < 100; ++i) journal.sample("pay", sample_of(i, 1000));
  journal.flush();
  EXPECT_EQ(lines_of(folder).size(), 100u);
}

TEST(Journal, SamplesSurviveAnyText) {
  TemporaryFolder folder;
  {
    Journal journal(folder.path());
    journal.sample("p\"1", sample_of(1, 2, false, "status 503"));
    journal.sample("p\"1", sample_of(1, 2, false, "bad \x01 \xff \\ ü"));
  }
  const auto lines = lines_of(folder);
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0].at("probe"), "p\"1");
  EXPECT_EQ(lines[0].at("error"), "status 503");
  EXPECT_EQ(lines[0].at("ok"), false);
  EXPECT_NE(lines[1].at("error").get<std::string>().find("ü"), std::string::npos);
}

TEST(Journal, KeepsLinesWholeFromManyThreads) {
  TemporaryFolder folder;
  {
    Journal journal(folder.path());
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&journal, t] {
        for (int i = 0; i < 2000; ++i) {
          journal.sample("p" + std::to_string(t), sample_of(i, 5));
          if (i % 100 == 0) journal.write(events::Step{std::to_string(i)});
        }
      });
    for (auto& thread : threads) thread.join();
  }
  const auto lines = lines_of(folder);
  EXPECT_EQ(lines.size(), 4u * 2020u);
  Ns before = 0;
  for (const auto& line : lines) {
    EXPECT_LE(before, line.at("mono").get<Ns>());
    before = line.at("mono").get<Ns>();
  }
}

TEST(Journal, FastProbesBecomeHistogramsThatDoNotCrossAPhase) {
  TemporaryFolder folder;
  plan::Plan p;
  p.duration = 2 * kSecond;
  p.probes.resize(2);
  p.probes[0].name = "fast";
  p.probes[0].kind = probe::find_kind("http");
  p.probes[0].every = kMillisecond;
  p.probes[1].name = "slow";
  p.probes[1].kind = probe::find_kind("http");
  p.probes[1].every = 5 * kMillisecond;  // 200 a second: not above it
  p.faults.resize(1);
  p.faults[0].name = "cut";
  p.faults[0].start = 1050 * kMillisecond;
  p.faults[0].end = 2 * kSecond;
  {
    Journal journal(folder.path());
    events::run(journal, p, {});
    events::plan(journal, p);
    events::t0(journal, monotonic_now(), wall_now());
    for (Ns due = 0; due < p.duration; due += kMillisecond)
      journal.sample("fast", sample_of(due, due < p.faults[0].start ? 100'003 : 200'003, due % (10 * kMillisecond) != 0,
                                       "timeout"));
    journal.sample("slow", sample_of(0, 7));
  }
  std::size_t batches = 0;
  for (const auto& line : lines_of(folder)) batches += line.at("event") == "samples";
  EXPECT_EQ(batches, 21u);

  const Recording r = read_recording(folder.path());
  const PhaseStats base = stats_in(r.probes[0], 0, p.faults[0].start);
  EXPECT_EQ(base.sent, 1050u);
  EXPECT_EQ(base.ok, 945u);
  EXPECT_EQ(base.by_error.at("timeout"), 105u);
  EXPECT_EQ(base.latency.ok.max(), 100'003);
  EXPECT_NEAR(static_cast<double>(base.latency.ok.quantile(500)), 100'003, 900);
  const PhaseStats cut = stats_in(r.probes[0], p.faults[0].start, p.duration);
  EXPECT_EQ(cut.sent, 950u);
  EXPECT_EQ(cut.latency.ok.max(), 200'003);
  EXPECT_EQ(r.probes[0].late.count(), 2000u);
  EXPECT_EQ(stats_in(r.probes[1], 0, 1).sent, 1u);
}

TEST(Journal, FastProbesKeepHowLongTheirFailuresTook) {
  TemporaryFolder folder;
  plan::Plan p;
  p.duration = kSecond;
  p.probes.resize(1);
  p.probes[0].name = "fast";
  p.probes[0].kind = probe::find_kind("http");
  p.probes[0].every = kMillisecond;
  {
    Journal journal(folder.path());
    events::plan(journal, p);
    events::t0(journal, monotonic_now(), wall_now());
    for (Ns due = 0; due < p.duration; due += kMillisecond)
      journal.sample("fast", sample_of(due, due < 500 * kMillisecond ? 100 : 100'000, due % 2 == 1, "refused"));
  }
  const Recording r = read_recording(folder.path());
  const PhaseStats stats = stats_in(r.probes[0], 0, kSecond);
  EXPECT_EQ(stats.latency.lost, 1000u);
  EXPECT_EQ(stats.latency.failed.count(), 1000u);
  EXPECT_NEAR(static_cast<double>(stats.latency.failed.quantile(500)), 100, 1);
  EXPECT_NEAR(static_cast<double>(stats.latency.failed.quantile(501)), 100'000, 800);
  EXPECT_FALSE(stats.latency.quantile(500)) << "never";
}

TEST(Journal, RoundingKeepsValuesWithinOnePercent) {
  for (Ns v : {Ns{0}, Ns{1}, Ns{127}, Ns{128}, Ns{129}, Ns{12345}, Ns{999'999}, 3 * kSecond + 1}) {
    EXPECT_NEAR(static_cast<double>(rounded(v)), static_cast<double>(v), static_cast<double>(v) * 0.008) << v;
  }
  EXPECT_EQ(rounded(127), 127);
  EXPECT_EQ(rounded(-5), 0);
}

TEST(Journal, FailsRatherThanFillingMemory) {
  TemporaryFolder folder;
  Journal journal(folder.path(), 1000);
  journal.write(events::Step{std::string(2000, 'x')});
  EXPECT_TRUE(journal.failed());
  EXPECT_NE(journal.failure().find("does not keep up"), std::string::npos);
  EXPECT_THROW(journal.flush(), std::system_error);
  journal.write(events::Step{});  // quiet from now on
  EXPECT_THROW(journal.flush(), std::system_error);
}

TEST(Journal, ReportsAFileSizeLimitInsteadOfDyingOfItsSignal) {
  TemporaryFolder folder;
  const pid_t child = fork();
  if (child == 0) {
    const rlimit limit{4096, 4096};
    setrlimit(RLIMIT_FSIZE, &limit);
    int status = 1;
    {
      Journal journal(folder.path());
      for (int i = 0; i < 100; ++i) journal.sample("pay", sample_of(i, 1000));
      try {
        journal.flush();
      } catch (const std::system_error& e) {
        status = e.code().value() == EFBIG && journal.failed() ? 0 : 2;
      }
    }
    _exit(status);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status)) << "signal " << WTERMSIG(status);
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(Journal, TimeStampsAreRfc3339) {
  EXPECT_EQ(rfc3339(0), "1970-01-01T00:00:00.000000Z");
  EXPECT_EQ(rfc3339(1575284400 * kSecond + 42 * kMicrosecond), "2019-12-02T11:00:00.000042Z");
  EXPECT_EQ(rfc3339(-1), "1969-12-31T23:59:59.999999Z");
}

}  // namespace
}  // namespace faultline::record
