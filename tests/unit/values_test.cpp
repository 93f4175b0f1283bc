#include "injector/plan/values.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>

namespace faultline::plan {
namespace {

Ns duration(std::string_view text) {
  const auto read = read_duration(text);
  EXPECT_TRUE(read.value) << text << ": " << read.error;
  return read.value.value_or(-1);
}

TEST(Duration, ReadsEveryUnit) {
  EXPECT_EQ(duration("7ns"), 7);
  EXPECT_EQ(duration("7us"), 7'000);
  EXPECT_EQ(duration("7\u00b5s"), 7'000);
  EXPECT_EQ(duration("7\u03bcs"), 7'000);
  EXPECT_EQ(duration("300ms"), 300'000'000);
  EXPECT_EQ(duration("0s"), 0);
  EXPECT_EQ(duration("2m"), 120 * kSecond);
  EXPECT_EQ(duration("3h"), 3 * 3600 * kSecond);
}

TEST(Duration, ReadsSumsAndFractionsExactly) {
  EXPECT_EQ(duration("1m30s"), 90 * kSecond);
  EXPECT_EQ(duration("1h2m3s4ms5us6ns"), 3'723'004'005'006);
  EXPECT_EQ(duration("1.5s"), 1'500'000'000);
  EXPECT_EQ(duration("0.000000001s"), 1);
  EXPECT_EQ(duration("1.10h"), 3960 * kSecond);
  EXPECT_EQ(duration("9223372036854775807ns"), std::numeric_limits<Ns>::max());
}

TEST(Duration, RefusesWithAReason) {
  const std::pair<const char*, const char*> cases[] = {
      {"300", "has no unit"},
      {"1.5", "has no unit"},
      {"", "is empty"},
      {"-3s", "is negative"},
      {"1 s", "a space"},
      {"1d", "in days"},
      {"3sec", "unknown unit"},
      {"3S", "unknown unit"},
      {"1.s", "not a duration"},
      {".5s", "not a duration"},
      {"s", "not a duration"},
      {"run", "not a duration"},
      {"30s1m", "out of order"},
      {"1s1s", "out of order"},
      {"0.1ns", "finer than"},
      {"9223372036854775808ns", "too long"},
      {"99999999999999999999999999h", "too long"},
      {"2562047h9999999m", "too long"},
      {"1e3s", "unknown unit"},
      {"1m30", "has no unit"},
      {"1s\n", "unknown unit"},
  };
  for (const auto& [text, reason] : cases) {
    const auto read = read_duration(text);
    EXPECT_FALSE(read.value) << text;
    EXPECT_NE(read.error.find(reason), std::string::npos) << text << " gave: " << read.error;
  }
  EXPECT_NE(read_duration("300").hint.find("\"300ms\""), std::string::npos);
  EXPECT_NE(read_duration("1d").hint.find("24h"), std::string::npos);
}

TEST(Duration, WritesWhatAPersonWould) {
  EXPECT_EQ(format_duration(0), "0s");
  EXPECT_EQ(format_duration(1), "1ns");
  EXPECT_EQ(format_duration(1'500), "1.5us");
  EXPECT_EQ(format_duration(1'500'000), "1.5ms");
  EXPECT_EQ(format_duration(90 * kSecond), "1m30s");
  EXPECT_EQ(format_duration(3600 * kSecond), "1h");
  EXPECT_EQ(format_duration(3600 * kSecond + 5), "1h5ns");
  EXPECT_EQ(format_duration(10'050 * kMillisecond), "10.05s");
  EXPECT_EQ(format_duration(-20 * kMillisecond), "-20ms");
}

TEST(Duration, WhatIsWrittenReadsBackEqual) {
  std::mt19937_64 random(20191205);
  for (int i = 0; i < 200'000; ++i) {
    // Every magnitude alike, and often round ones.
    Ns value = static_cast<Ns>(random() >> (1 + random() % 63));
    for (const Ns unit : {kMicrosecond, kMillisecond, kSecond, 60 * kSecond})
      if (random() % 3 == 0) value -= value % unit;
    const auto text = format_duration(value);
    const auto read = read_duration(text);
    ASSERT_TRUE(read.value) << value << " as " << text << ": " << read.error;
    ASSERT_EQ(*read.value, value) << text;
  }
  EXPECT_EQ(duration(format_duration(std::numeric_limits<Ns>::max())), std::numeric_limits<Ns>::max());
  EXPECT_FALSE(format_duration(std::numeric_limits<Ns>::min()).empty());
}

TEST(Probability, NeedsItsSign) {
  EXPECT_DOUBLE_EQ(*read_probability("10%").value, 0.1);
  EXPECT_DOUBLE_EQ(*read_probability("0.01%").value, 0.0001);
  EXPECT_DOUBLE_EQ(*read_probability("100%").value, 1.0);
  EXPECT_DOUBLE_EQ(*read_probability("0%").value, 0.0);
  EXPECT_NE(read_probability("0.1").hint.find("\"10%\""), std::string::npos);
  EXPECT_NE(read_probability("12").hint.find("\"12%\""), std::string::npos);
  for (const char* text : {"", "%", "abc%", "-1%", "100.1%", "101%", "nan%", "inf%", "1e1%", "1.%", "0x1%", "5%%"})
    EXPECT_FALSE(read_probability(text).value) << text;
}

TEST(Probability, WhatIsWrittenReadsBackEqual) {
  for (int i = 0; i <= 10'000; ++i) {
    const double p = i / 100.0 / 100.0;
    EXPECT_DOUBLE_EQ(*read_probability(format_probability(p)).value, p);
  }
  EXPECT_EQ(format_probability(0.07), "7%");
  EXPECT_EQ(format_probability(0.12), "12%");
  EXPECT_EQ(format_probability(0.000123), "0.0123%");
  EXPECT_EQ(format_probability(0), "0%");
  EXPECT_EQ(format_probability(1), "100%");
}

TEST(Bounds, ReadOperatorAndValue) {
  const auto success = read_ratio_bound(">= 99%").value;
  ASSERT_TRUE(success);
  EXPECT_EQ(success->op, Bound::Op::ge);
  EXPECT_DOUBLE_EQ(success->value, 0.99);
  EXPECT_EQ(success->text, ">= 99%");
  EXPECT_EQ(read_ratio_bound("<50%").value->op, Bound::Op::lt);
  EXPECT_EQ(read_ratio_bound("> 0%").value->op, Bound::Op::gt);
  const auto latency = read_duration_bound(" <= 250ms ").value;
  ASSERT_TRUE(latency);
  EXPECT_EQ(latency->op, Bound::Op::le);
  EXPECT_DOUBLE_EQ(latency->value, 250e6);
  EXPECT_EQ(latency->text, "<= 250ms");
  for (const char* text : {"99%", "= 99%", "== 99%", ">=", ">= 99", ">>= 1%", ""})
    EXPECT_FALSE(read_ratio_bound(text).value) << text;
  for (const char* text : {"250ms", "<= 250", "<= 99%"}) EXPECT_FALSE(read_duration_bound(text).value) << text;
}

TEST(Bounds, Hold) {
  EXPECT_TRUE(read_ratio_bound(">= 99%").value->holds(0.99));
  EXPECT_FALSE(read_ratio_bound("> 99%").value->holds(0.99));
  EXPECT_FALSE(read_duration_bound("< 1ms").value->holds(1e6));
  EXPECT_TRUE(read_duration_bound("<= 1ms").value->holds(1e6));
}

TEST(Ports, ReadListsAndRanges) {
  EXPECT_EQ(*read_ports("80,8000-8080").value, (std::vector<PortRange>{{80, 80}, {8000, 8080}}));
  EXPECT_EQ(*read_ports(" 1 - 2 , 65535 ").value, (std::vector<PortRange>{{1, 2}, {65535, 65535}}));
  for (const char* text : {"", "0", "65536", "80,", ",80", "a", "80-", "-80", "9-8", "1-2-3", "+80", "80;81"})
    EXPECT_FALSE(read_ports(text).value) << text;
  EXPECT_NE(read_ports("9-8").hint.find("\"8-9\""), std::string::npos);
}

TEST(Scale, IsOneToSomething) {
  EXPECT_DOUBLE_EQ(*read_scale("1:30").value, 30);
  EXPECT_DOUBLE_EQ(*read_scale("1:1").value, 1);
  EXPECT_DOUBLE_EQ(*read_scale("1:2.5").value, 2.5);
  for (const char* text : {"", "30", "2:1", "1:0", "1:-3", "1:0.5", "1:", "1:x", "1:inf", "1:1e3", "1:10000000"})
    EXPECT_FALSE(read_scale(text).value) << text;
}

TEST(DidYouMean, FindsWhatIsNear) {
  const std::vector<std::string> known{"every", "timeout", "from", "expect", "p99", "recovers_within"};
  EXPECT_EQ(did_you_mean("evry", known), "every");
  EXPECT_EQ(did_you_mean("timeuot", known), "timeout");
  EXPECT_EQ(did_you_mean("FROM", known), "from");
  EXPECT_EQ(did_you_mean("recover_within", known), "recovers_within");
  EXPECT_EQ(did_you_mean("p95", known), "p99");
  EXPECT_EQ(did_you_mean("banana", known), "");
  EXPECT_EQ(did_you_mean("", known), "");
  EXPECT_EQ(did_you_mean("x", {"y"}), "");
  EXPECT_EQ(did_you_mean(std::string(1000, 'a'), {std::string(1000, 'a')}), "");
  EXPECT_EQ(did_you_mean("every", {std::string(5000, 'e'), "every1"}), "every1");
}

}  // namespace
}  // namespace faultline::plan

TEST(Rate, ReadsBitsASecond) {
  EXPECT_EQ(*faultline::plan::read_rate("10mbit").value, 1e7);
  EXPECT_EQ(*faultline::plan::read_rate("1.5gbit").value, 1.5e9);
  EXPECT_EQ(*faultline::plan::read_rate("64 kbit").value, 64e3);
  for (const char* bad :
       {"", "10", "10mbps", "1MBps", "5MB/s", "mbit", "-1mbit", "0.5kbit", "2000gbit", "1e6kbit", "10Mbit"}) {
    const auto read = faultline::plan::read_rate(bad);
    EXPECT_FALSE(read.value) << bad;
    EXPECT_FALSE(read.hint.empty()) << bad;
  }
  EXPECT_NE(faultline::plan::read_rate("10mbps").hint.find("bytes to some and bits to others"), std::string::npos);
  for (const char* text : {"10mbit", "1.5gbit", "64kbit", "999kbit"})
    EXPECT_EQ(faultline::plan::format_rate(*faultline::plan::read_rate(text).value), text);
}

TEST(Bytes, ReadsAndWritesWholeBytes) {
  for (const auto& [text, bytes] : {std::pair<const char*, std::uint64_t>{"1400B", 1400},
                                    {"1.4kB", 1400},
                                    {"64 kB", 64000},
                                    {"64KiB", 65536},
                                    {"1MB", 1000000},
                                    {"1B", 1}})
    EXPECT_EQ(faultline::plan::read_bytes(text).value, bytes) << text;
  for (const char* bad : {"", "1400", "0B", "1.5B", "0.0001kB", "-1B", "64kb", "2000000MB", "1400 bytes"}) {
    const auto read = faultline::plan::read_bytes(bad);
    EXPECT_FALSE(read.value) << bad;
    EXPECT_FALSE(read.hint.empty()) << bad;
  }
  for (const char* text : {"1400B", "64kB", "65536B", "2MB"})
    EXPECT_EQ(faultline::plan::format_bytes(*faultline::plan::read_bytes(text).value), text);
}

TEST(Queue, ReadsTimeOrBytes) {
  using faultline::faults::QueueLimit;
  EXPECT_EQ(*faultline::plan::read_queue("100ms").value, (QueueLimit{100'000'000, 0}));
  EXPECT_EQ(*faultline::plan::read_queue("64kB").value, (QueueLimit{0, 64000}));
  EXPECT_EQ(*faultline::plan::read_queue("64KiB").value, (QueueLimit{0, 65536}));
  EXPECT_EQ(*faultline::plan::read_queue("1MB").value, (QueueLimit{0, 1000000}));
  for (const char* bad : {"", "100", "0ms", "2h", "0B", "5GB", "64kb", "1000p"}) {
    const auto read = faultline::plan::read_queue(bad);
    EXPECT_FALSE(read.value) << bad;
    EXPECT_FALSE(read.hint.empty()) << bad;
  }
  for (const char* text : {"100ms", "64kB", "1.5MB"})
    EXPECT_EQ(faultline::plan::format_queue(*faultline::plan::read_queue(text).value), text);
}
