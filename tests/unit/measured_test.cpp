// trace from: what ping, irtt, RIPE Atlas and mahimahi wrote, as round trips; and from these to a trace that the fault
// kind of that name reads. The samples in tests/unit/measured are written by hand, as the programs' documentation has
// them.
#include "injector/sketch/measured.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>

#include "injector/base/error.h"
#include "injector/base/file_text.h"
#include "injector/plan/trace_file.h"
#include "tests/harness/command.h"
#include "tests/unit/say.h"

namespace faultline::sketch {
namespace {

const std::string kFolder = FAULTLINE_SOURCE_DIR "/tests/unit/measured/";

Measured read(const std::string& text, const std::string& format = "", const std::string& probe = "") {
  std::string_view taken;
  return read_measured(text, "m.txt", format, {probe}, taken);
}
std::string sample(const std::string& name) { return file_text(kFolder + name); }

/// "MS after the first: MS", "-" for one that was lost.
std::vector<std::string> told(const Measured& measured) {
  std::vector<std::string> out;
  for (const auto& trip : measured.trips)
    out.push_back(fmt::format("{}: {}", std::llround(static_cast<double>(trip.at - measured.trips[0].at) / 1e6),
                              trip.rtt ? fmt::format("{}", static_cast<double>(*trip.rtt) / 1e6) : "-"));
  return out;
}

/// What the fault reads of it.
faults::Profile played(const MadeTrace& made) {
  plan::Issues issues;
  auto profile = plan::read_trace("made.csv", made.csv, 1, issues);
  for (const auto& mistake : issues.take())
    ADD_FAILURE() << mistake.at.line << ": " << mistake.message << "\n" << made.csv;
  return profile.value_or(faults::Profile{});
}

std::string refusal(const std::string& text, const std::string& format = "", const std::string& probe = "") {
  try {
    read(text, format, probe);
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.status(), Exit::invalid);
    return failure.what();
  }
  ADD_FAILURE() << "it was read:\n" << text;
  return "";
}

TEST(Measured, PingsAreOrderedAndTheLostHaveTheTimesBetween) {
  EXPECT_EQ(told(read(sample("ping.txt"))),
            (std::vector<std::string>{"0: 40", "1000: 60", "2000: -", "3000: -", "4000: 80", "5000: -"}));
}

TEST(Measured, PingsNumbersBeginAgain) {
  std::string text;
  for (int i = 65534; i < 65540; i++)
    text += fmt::format("[{}.5] 8 bytes from a: icmp_seq={} ttl=1 time=1 ms\n", 1000000 + i, i % 65536);
  const auto trips = read(text).trips;
  // The first answer has number 65534: those before it were sent and lost.
  ASSERT_EQ(trips.size(), 65539u);
  for (std::size_t i = trips.size() - 6; i < trips.size(); i++) EXPECT_TRUE(trips[i].rtt) << i;
}

TEST(Measured, IrttSaysWhatWasLost) {
  EXPECT_EQ(told(read(sample("irtt.json"))), (std::vector<std::string>{"0: 20", "200: -", "400: -", "600: 30"}));
}

TEST(Measured, AtlasIsOfOneProbeInTheOrderOfTimes) {
  EXPECT_EQ(told(read(sample("atlas.json"), "", "10")),
            (std::vector<std::string>{"0: 30", "0: 30", "0: 30", "240000: 31", "240000: -", "240000: 33"}));
  EXPECT_EQ(told(read(sample("atlas.json"), "", "11")), (std::vector<std::string>{"0: -", "240000: 12.5"}));
  const std::string which = refusal(sample("atlas.json"));
  EXPECT_NE(which.find("results of 2 probes: choose one with --probe: 10, 11"), std::string::npos) << which;
  EXPECT_NE(refusal(sample("atlas.json"), "", "12").find("there are 10, 11"), std::string::npos);
}

TEST(Measured, AtlasMayHaveAResultOnEachLine) {
  const std::string lines =
      "{\"prb_id\":1,\"timestamp\":5,\"result\":[{\"rtt\":2}]}\n\n"
      "{\"prb_id\":1,\"timestamp\":6,\"result\":[{\"x\":\"*\"}]}\n";
  EXPECT_EQ(told(read(lines)), (std::vector<std::string>{"0: 2", "1000: -"}));
}

TEST(Measured, MahimahiIsARate) {
  const auto measured = read(sample("mahimahi.trace"));
  EXPECT_TRUE(measured.trips.empty());
  const auto profile = played(make_trace(measured, {}, "x"));
  ASSERT_EQ(profile.size(), 3u);
  EXPECT_NEAR(profile[0].rate, 4 * plan::kMahimahiBits / 0.02, 1);
  EXPECT_NEAR(profile[1].rate, plan::kMahimahiBits / 0.02, 1);
  EXPECT_EQ(profile[2].at, 40 * kMillisecond);
}

TEST(Measured, WhatIsWrongIsSaidWithItsLine) {
  const std::string ping = "PING\n[1.5] 64 bytes from a: icmp_seq=1 ttl=1 time=1 ms\n";
  for (const auto& [text, expected] : std::vector<std::pair<std::string, std::string>>{
           {"64 bytes from a: icmp_seq=1 ttl=1 time=1 ms\n", "m.txt:1: there is no time before the answer"},
           {ping + "[2.5] 64 bytes from a: icmp_seq=2 ttl=1 Zeit=1 ms\n", "m.txt:3: there is no round-trip time"},
           {ping + "[2.5] 64 bytes from a: icmp_seq=x ttl=1 time=1 ms\n",
            "m.txt:3: there is no number behind icmp_seq="},
           {"{\"round_trips\": [\n{},\n]}", "m.txt:3: this is not JSON"},
           {"{\"round_trips\": [\n{\"lost\": true", "m.txt:2: the JSON ends too soon"},
           {"{\"round_trips\": {}}", "m.txt: there is no array \"round_trips\""},
           {"{\"x\": [\"]\", {}],\n\"round_trips\": [\n{\"lost\": true}\n]}",
            "m.txt:3: the round trip has no timestamps"},
           {"{\"round_trips\":\n[ {\"timestamps\":{\"client\":{\"send\":{\"wall\":1}}}, \"lost\":true},\n"
            "{\"timestamps\":{\"client\":{\"send\":{\"wall\":2}}}, \"lost\":false}]}",
            "m.txt:3: the round trip has no delay.rtt"},
           {"[{\"prb_id\":1,\"timestamp\":1,\"result\":[]},\n{\"prb_id\":1,\"type\":\"traceroute\"}]",
            "m.txt:2: it is not a result of a ping"},
           {"{\"prb_id\":1,\"timestamp\":1,\"result\":[{\"rtt\":1}]}\n{\"prb_id\":1,\n",
            "m.txt:2: the JSON ends too soon"},
           {"[{\"prb_id\":1,\"timestamp\":1,\"result\":[\n{\"rtt\":\"slow\"}]}]", "m.txt:1: rtt is no number"},
           {"[{\"prb_id\":1,\"timestamp\":1,\"avg\":20.1}]", "m.txt:1: the result does not have its packets"},
           {"0\n7\n3\n", "m.txt:3: this line is earlier"},
           {"", "m.txt: the file is empty"},
           {"hello\n", "m.txt: the format is not known; what is read: pcap (a capture of a TCP connection"},
           {"time_s,delay_ms\n0,1\n", "it looks like a trace already"},
           {"\xd4\xc3\xb2\xa1\x02", "there is no TCP connection in this capture"},
           {"PING\n[1.5] no answer yet for icmp_seq=1\n", "m.txt: there is no round trip in it"},
           {"{\"prb_id\":1,\"timestamp\":1,\"result\":[{\"x\":\"*\"}]}", "m.txt: no round trip in it was answered"}}) {
    const std::string said = refusal(text);
    EXPECT_NE(said.find(expected), std::string::npos) << "expected: " << expected << "\nsaid: " << said;
  }
  EXPECT_NE(refusal("{\"x\":1}", "irtt").find("no array"), std::string::npos);
  EXPECT_NE(refusal("time_s,delay_ms\n0,1\n", "mahimahi").find("no mahimahi trace"), std::string::npos);
  EXPECT_NE(refusal("{\"round_trips\": [1e999]}").find("out of range"), std::string::npos);
  const std::string again = "[9.5] 64 bytes from a: icmp_seq=1 ttl=1 time=1 ms\n";
  EXPECT_NE(refusal(ping + "PING\n" + "PING b\n" + again).find("another `ping` begins here"), std::string::npos);
  EXPECT_NE(refusal(ping + again).find("was there before"), std::string::npos);
}

// Of one round trip in each format, with its time and its length in the format's own units.
std::string ping_of(const std::string& time, const std::string& length) {
  static int seq = 0;
  return fmt::format("[{}] 64 bytes from a: icmp_seq={} ttl=1 time={} ms\n", time, ++seq, length);
}
std::string irtt_of(const std::string& time, const std::string& length) {
  return fmt::format(R"({{"round_trips":[
{{"timestamps":{{"client":{{"send":{{"wall":{}}}}}}},"delay":{{"rtt":{}}},"lost":false}}]}})",
                     time, length);
}
std::string atlas_of(const std::string& time, const std::string& length) {
  return fmt::format(R"({{"prb_id":1,"timestamp":{},"result":[{{"rtt":{}}}]}})", time, length);
}

TEST(Measured, AFigureThatCannotBeIsRefusedInEachFormat) {
  struct Format {
    std::string (*text)(const std::string& time, const std::string& length);
    const char *now, *latest, *later, *huge;  ///< times
    const char *usual, *longest, *longer;     ///< round trips
  };
  for (const auto& format :
       {Format{ping_of, "1700000000.5", "4000000000", "4000000001", "1e300", "20", "1000000", "1000001"},
        Format{irtt_of, "1700000000500000000", "4000000000000000000", "4000000001000000000", "18446744073709551615",
               "20000000", "1000000000000", "1000000001000"},
        Format{atlas_of, "1700000000", "4000000000", "4000000001", "1e300", "20", "1000000", "1000001"}}) {
    EXPECT_EQ(read(format.text(format.now, format.usual)).trips.back().rtt, 20 * kMillisecond);
    EXPECT_EQ(read(format.text(format.latest, format.longest)).trips.back().rtt, 1000 * kSecond);
    for (const char* time : {format.later, format.huge}) {
      const std::string said = refusal(format.text(time, format.usual));
      EXPECT_NE(said.find("the time is out of range"), std::string::npos) << said;
    }
    for (const char* length : {format.longer, format.huge}) {
      const std::string said = refusal(format.text(format.now, length));
      EXPECT_NE(said.find("the round trip is out of range"), std::string::npos) << said;
    }
  }
  EXPECT_NE(refusal(irtt_of("-1", "20")).find("m.txt:2: the time is out of range"), std::string::npos);
  EXPECT_NE(refusal(irtt_of("1", "-20")).find("m.txt:2: the round trip is out of range"), std::string::npos);
}

TEST(Measured, NoFileIsLongerThanAYear) {
  for (const auto& [first, second] : {std::pair{"0", "40000000"}, {"0", "3999999999"}, {"3999999999", "0"}}) {
    const auto line = [](int seq, const char* time) {
      return fmt::format("[{}] 64 bytes from a: icmp_seq={} ttl=1 time=1 ms\n", time, seq);
    };
    // Those before the first and after the last are reckoned from the time between two.
    EXPECT_NE(refusal(line(65000, first) + line(65001, second)).find("longer than a year"), std::string::npos);
    EXPECT_NE(refusal(line(1, first) + line(2, second) + "60000 packets transmitted, 2 received\n")
                  .find("longer than a year"),
              std::string::npos);
    const auto result = [](const char* time) { return atlas_of(time, "1") + "\n"; };
    EXPECT_NE(refusal(result(first) + result(second)).find("longer than a year"), std::string::npos);
  }
}

TEST(Measured, AnAnswerThatIsOvertakenWhereNumbersBeginAgainIsNoTurn) {
  std::string text;
  for (const int i : {65534, 65536, 65535, 65537})
    text += fmt::format("[{}.5] 8 bytes from a: icmp_seq={} ttl=1 time=1 ms\n", 1000000 + i, i % 65536);
  EXPECT_EQ(read(text).trips.size(), 65537u);
}

TEST(Measured, AFileCannotAskForMoreRoundTripsThanAreBorne) {
  std::string text;
  for (int i = 0; i < 70; i++)
    for (const int seq : {1, 30000, 60000})
      text += fmt::format("[{}.5] 8 bytes from a: icmp_seq={} ttl=1 time=1 ms\n", 1000000 + i, seq);
  EXPECT_NE(refusal(text).find("it is of more than"), std::string::npos);
}

Measured of(const std::vector<double>& milliseconds) {  // one a second; below 0: lost
  Measured measured;
  for (std::size_t i = 0; i < milliseconds.size(); i++) {
    measured.trips.push_back({1'700'000'000 * kSecond + static_cast<Ns>(i) * kSecond, {}});
    if (milliseconds[i] >= 0) measured.trips.back().rtt = std::llround(milliseconds[i] * 1e6);
  }
  return measured;
}

TEST(MadeTrace, EachWayHasItsHalf) {
  const auto made = make_trace(of({40, 60, -1, 80, 50, 50, 50, 50}), {.every = 4 * kSecond}, "x");
  EXPECT_EQ(made.rows, 2u);
  EXPECT_EQ(made.trips, 8u);
  EXPECT_EQ(made.lost, 1u);
  const auto profile = played(made);
  ASSERT_EQ(profile.size(), 2u);
  EXPECT_NEAR(profile[0].delay, 30e6, 100);
  // One way lost with p, the other too: (1 - p)^2 of three in four came back.
  EXPECT_NEAR((1 - profile[0].loss) * (1 - profile[0].loss), 0.75, 1e-5);
  // Two ways whose jitters are drawn evenly and apart have the variance that was measured.
  const double variance = (400 + 0 + 400) / 3.0;
  EXPECT_NEAR(2 * profile[0].jitter * profile[0].jitter / 3, variance * 1e12, 1e10);
  EXPECT_EQ(profile[1].at, 4 * kSecond);
  EXPECT_NEAR(profile[1].delay, 25e6, 100);
  EXPECT_EQ(profile[1].jitter, 0);
  EXPECT_EQ(profile[1].loss, 0);
  EXPECT_NE(made.csv.find("assumed is that"), std::string::npos) << made.csv;
}

TEST(MadeTrace, ARoundTripMayBeKept) {
  const auto made = make_trace(of({40, 60, -1, 80}), {.every = 4 * kSecond, .round_trip = true}, "x");
  const auto profile = played(made);
  EXPECT_NEAR(profile[0].delay, 60e6, 100);
  EXPECT_NEAR(profile[0].loss, 0.25, 1e-6);
  EXPECT_NEAR(profile[0].jitter * profile[0].jitter / 3, 800 / 3.0 * 1e12, 1e10);
  EXPECT_NE(made.csv.find("direction = \"egress\""), std::string::npos) << made.csv;
}

TEST(MadeTrace, TheLeastMayBeTakenOff) {
  const auto profile = played(make_trace(of({40, 60, -1, 80}), {.every = kSecond, .excess = true}, "x"));
  ASSERT_EQ(profile.size(), 4u);
  EXPECT_EQ(profile[0].delay, 0);
  EXPECT_NEAR(profile[1].delay, 10e6, 100);
  EXPECT_NEAR(profile[3].delay, 20e6, 100);
}

TEST(MadeTrace, ARowWithoutAnAnswerIsLostAndKeepsItsDelay) {
  const auto profile = played(make_trace(of({40, -1, 80}), {.every = kSecond}, "x"));
  ASSERT_EQ(profile.size(), 3u);
  EXPECT_EQ(profile[1].loss, 1);
  EXPECT_NEAR(profile[1].delay, 20e6, 100);
}

TEST(MadeTrace, ARowIsTenRoundTripsUnlessSaid) {
  EXPECT_EQ(make_trace(of(std::vector<double>(30, 1.0)), {}, "x").rows, 3u);
  EXPECT_EQ(make_trace(of({5}), {}, "x").rows, 1u);
  Measured fast = of(std::vector<double>(30, 1.0));
  for (std::size_t i = 0; i < fast.trips.size(); i++) fast.trips[i].at = static_cast<Ns>(i) * kMillisecond;
  EXPECT_EQ(make_trace(fast, {}, "x").rows, 1u) << "a second at least";
  EXPECT_THROW(make_trace(of({300'000, 300'000}), {}, "x"), Failure) << "held for longer than 100 s";
  EXPECT_THROW(make_trace(of(std::vector<double>(100'002, 1.0)), {.every = kSecond}, "x"), Failure) << "too many rows";
}

TEST(MadeTrace, TimesLeaveGapsWhereNothingWasMeasured) {
  const auto profile = played(make_trace(read(sample("atlas.json"), "", "10"), {.every = kSecond}, "x"));
  ASSERT_EQ(profile.size(), 2u);
  EXPECT_EQ(profile[1].at, 240 * kSecond);
  EXPECT_NEAR(profile[1].delay, 16e6, 100);
}

TEST(TraceCommand, WritesAFileThatAFaultPlays) {
  const test::TemporaryFolder folder;
  const std::string out = folder.path() / "link.csv";
  const auto said = cli::say({"trace", "from", kFolder + "ping.txt", "--every", "3s", "--output", out});
  EXPECT_EQ(said.status, 0) << said.error;
  EXPECT_EQ(said.out, "");
  EXPECT_NE(said.error.find("ping: 6 round trips in 5s, 3 of them lost; 2 rows"), std::string::npos) << said.error;
  const std::string text = file_text(out);
  EXPECT_NE(text.find("ping.txt (ping)"), std::string::npos) << text;
  const auto plan = folder.write("p.toml",
                                 "[targets.a]\nnetns = \"a\"\n[[faults]]\nkind = \"trace\"\non = \"a\"\nfile = "
                                 "\"link.csv\"\nstart = \"1s\"\nfor = \"5s\"\n");
  EXPECT_EQ(cli::say({"check", plan}).status, 0);
  const auto again = cli::say({"trace", "from", kFolder + "ping.txt", "--output", out});
  EXPECT_EQ(again.status, 3);
  EXPECT_NE(again.error.find("exists already"), std::string::npos) << again.error;
  EXPECT_EQ(cli::say({"trace", "from", kFolder + "ping.txt", "--output", out, "--force"}).status, 0);
}

TEST(TraceCommand, OptionsSayWhatIsReadAndHow) {
  const auto rows = [](std::vector<std::string> more) {
    more.insert(more.begin(), {"trace", "from"});
    const auto said = cli::say(more);
    EXPECT_EQ(said.status, 0) << said.error;
    std::string out;
    std::istringstream lines(said.out);
    for (std::string line; std::getline(lines, line);)
      if (!line.starts_with('#')) out += line + "\n";
    return out;
  };
  EXPECT_EQ(rows({kFolder + "atlas.json", "--probe", "10", "--every", "1s"}),
            "time_s,delay_ms,jitter_ms,loss_percent\n0.000,15.0000,0.0000,0.0000\n240.000,16.0000,1.2247,18.3503\n");
  EXPECT_EQ(rows({kFolder + "atlas.json", "--probe", "10", "--every", "1s", "--rtt", "--excess", "--format", "atlas"}),
            "time_s,delay_ms,jitter_ms,loss_percent\n0.000,0.0000,0.0000,0.0000\n240.000,2.0000,1.7321,33.3333\n");
  EXPECT_EQ(cli::say({"trace", "from", kFolder + "atlas.json", "--format", "ping"}).status, 3);
  EXPECT_EQ(cli::say({"trace", "from", kFolder + "atlas.json", "--format", "pcap"}).status, 3);
  EXPECT_EQ(cli::say({"trace", "from", kFolder + "atlas.json", "--every", "5"}).status, 3);
  EXPECT_EQ(cli::say({"trace", "from", kFolder + "none"}).status, 3);
}

}  // namespace
}  // namespace faultline::sketch
