// trace from a capture: connections that are written here, packet by packet, in both file formats, and what is made of
// them.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <vector>

#include "injector/base/error.h"
#include "injector/sketch/capture.h"
#include "injector/sketch/measured.h"
#include "tests/harness/command.h"
#include "tests/unit/say.h"

namespace faultline::sketch {
namespace {

std::string high(std::uint32_t value, int bytes) {  // the highest byte first
  std::string out;
  for (int i = bytes - 1; i >= 0; i--) out += static_cast<char>(value >> 8 * i & 0xff);
  return out;
}
std::string low(std::uint32_t value, int bytes) {
  const std::string other = high(value, bytes);
  return {other.rbegin(), other.rend()};
}

constexpr std::uint8_t kSyn = 2, kAck = 16;

/// One segment, in milliseconds. The client is a, the server b.
struct Said {
  double ms = 0;
  bool by_client = true;
  std::uint32_t sequence = 0, acknowledged = 0, payload = 0;
  std::uint8_t flags = kAck;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> selective = {};
  std::uint16_t port = 5000;    ///< of the client
  std::uint16_t number = 0;     ///< of the packet, with IPv4
  std::uint32_t timestamp = 0;  ///< 0: none
};

std::string tcp(const Said& said) {
  std::string options;
  if (!said.selective.empty()) {
    options = std::string("\1\1\5", 3) + static_cast<char>(2 + 8 * said.selective.size());
    for (const auto& [from, to] : said.selective) options += high(from, 4) + high(to, 4);
  }
  if (said.timestamp != 0) options += std::string("\1\1\x08\x0a", 4) + high(said.timestamp, 4) + high(1, 4);
  const std::string client = high(said.port, 2), server = high(443, 2);
  return (said.by_client ? client + server : server + client) + high(said.sequence, 4) + high(said.acknowledged, 4) +
         static_cast<char>((20 + options.size()) / 4 << 4) + static_cast<char>(said.flags) + std::string(6, '\0') +
         options;
}

std::string ipv4(const Said& said) {
  const std::string segment = tcp(said), client("\x0a\0\0\1", 4), server("\x0a\0\0\2", 4);
  const auto length = static_cast<std::uint32_t>(20 + segment.size() + said.payload);
  return std::string("\x45\0", 2) + high(length, 2) + high(said.number, 2) + std::string("\x40\0\x40\6\0\0", 6) +
         (said.by_client ? client + server : server + client) + segment;
}
std::string ipv6(const Said& said) {
  const std::string segment = tcp(said), net = std::string("\xfd", 1) + std::string(14, '\0');
  const auto length = static_cast<std::uint32_t>(segment.size() + said.payload);
  return std::string("\x60\0\0\0", 4) + high(length, 2) + std::string("\6\x40", 2) + net +
         (said.by_client ? "\1" : "\2") + net + (said.by_client ? "\2" : "\1") + segment;
}
std::string ethernet(const std::string& ip, bool vlan = false) {
  const std::string type = high((ip[0] & 0xf0) == 0x60 ? 0x86dd : 0x0800, 2);
  return std::string(12, '\2') + (vlan ? std::string("\x81\0\0\7", 4) : "") + type + ip;
}

/// Only the headers are kept of a packet, as with tcpdump -s.
struct Kept {
  double ms;
  std::string bytes;
  std::uint32_t length;  ///< on the wire
};
Kept kept(const Said& said, std::string bytes) {
  const auto length = static_cast<std::uint32_t>(bytes.size()) + said.payload;
  return {said.ms, std::move(bytes), length};
}

constexpr std::uint32_t kNow = 1'700'000'000;

std::string pcap(const std::vector<Kept>& packets, std::uint32_t link = 1, bool nanoseconds = false,
                 std::string (&number)(std::uint32_t, int) = low) {
  std::string out = number(nanoseconds ? 0xa1b23c4d : 0xa1b2c3d4, 4) + number(2, 2) + number(4, 2) + number(0, 4) +
                    number(0, 4) + number(65535, 4) + number(link, 4);
  for (const auto& one : packets) {
    const double parts = one.ms * (nanoseconds ? 1e6 : 1e3), second = nanoseconds ? 1e9 : 1e6;
    out += number(kNow + static_cast<std::uint32_t>(parts / second), 4) +
           number(static_cast<std::uint32_t>(std::llround(std::fmod(parts, second))), 4) +
           number(static_cast<std::uint32_t>(one.bytes.size()), 4) + number(one.length, 4) + one.bytes;
  }
  return out;
}

std::string block(std::uint32_t kind, std::string body, std::string (&number)(std::uint32_t, int) = low) {
  body.resize((body.size() + 3) / 4 * 4);
  const std::string length = number(static_cast<std::uint32_t>(body.size()) + 12, 4);
  return number(kind, 4) + length + body + length;
}
/// Times in nanoseconds, as Wireshark writes them; of this interface the offset is 1000 s.
std::string pcapng(const std::vector<Kept>& packets, std::string (&number)(std::uint32_t, int) = low) {
  const bool highest_first = number(1, 2)[0] == '\0';
  std::string out =
      block(0x0a0d0d0a, number(0x1a2b3c4d, 4) + number(1, 2) + number(0, 2) + std::string(8, '\xff'), number);
  const std::string offset = highest_first ? number(0, 4) + number(1000, 4) : number(1000, 4) + number(0, 4);
  out += block(1,
               number(1, 2) + number(0, 2) + number(0, 4) + number(9, 2) + number(1, 2) + std::string("\x09\0\0\0", 4) +
                   number(14, 2) + number(8, 2) + offset + number(0, 4),
               number);
  out += block(4, "names", number);  // of which nobody asks
  for (const auto& one : packets) {
    const auto ns = std::uint64_t{kNow} * 1'000'000'000 + static_cast<std::uint64_t>(std::llround(one.ms * 1e6));
    out += block(6,
                 number(0, 4) + number(static_cast<std::uint32_t>(ns >> 32), 4) +
                     number(static_cast<std::uint32_t>(ns), 4) +
                     number(static_cast<std::uint32_t>(one.bytes.size()), 4) + number(one.length, 4) + one.bytes,
                 number);
  }
  return out;
}

std::vector<Kept> at_the_client(const std::vector<Said>& all) {
  std::vector<Kept> packets;
  for (const auto& said : all) packets.push_back(kept(said, ethernet(ipv4(said))));
  return packets;
}

Measured read_capture(const std::string& text, const std::string& flow = "") {
  std::string_view taken;
  auto measured = read_measured(text, "c.pcap", "", {"", flow}, taken);
  EXPECT_EQ(taken, "pcap");
  return measured;
}
/// "MS after the first: MS", "-" for one that was lost.
std::vector<std::string> flows_told(const Measured& measured) {
  std::vector<std::string> out;
  for (const auto& trip : measured.trips)
    out.push_back(fmt::format("{}: {}", std::llround(static_cast<double>(trip.at - measured.trips[0].at) / 1e6),
                              trip.rtt ? fmt::format("{}", std::llround(static_cast<double>(*trip.rtt) / 1e6)) : "-"));
  return out;
}
std::string capture_refusal(const std::string& text, const std::string& flow = "") {
  try {
    read_capture(text, flow);
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.status(), Exit::invalid);
    return failure.what();
  }
  ADD_FAILURE() << "it was read";
  return "";
}

/// A handshake, a request of 100 bytes that is answered after 40 ms, as its client sees them.
std::vector<Said> exchange() {
  return {{.ms = 0, .by_client = true, .sequence = 1000, .flags = kSyn},
          {.ms = 40, .by_client = false, .sequence = 9000, .acknowledged = 1001, .flags = kSyn | kAck},
          {.ms = 40.1, .by_client = true, .sequence = 1001, .acknowledged = 9001},
          {.ms = 100, .by_client = true, .sequence = 1001, .acknowledged = 9001, .payload = 100},
          {.ms = 142, .by_client = false, .sequence = 9001, .acknowledged = 1101, .payload = 1000},
          {.ms = 142.1, .by_client = true, .sequence = 1101, .acknowledged = 10001}};
}
const std::vector<std::string> kOfExchange{"0: 40", "100: 42"};

TEST(Captured, ASegmentIsARoundTripUntilItIsAcknowledged) {
  const auto measured = read_capture(pcap(at_the_client(exchange())));
  EXPECT_EQ(flows_told(measured), kOfExchange);
  EXPECT_EQ(measured.trips[0].at, Ns{kNow} * kSecond);
  EXPECT_NE(measured.note.find("10.0.0.1:5000-10.0.0.2:443: from the capture to 10.0.0.2:443 and back"),
            std::string::npos)
      << measured.note;
}

TEST(Captured, EveryFormOfFileAndOfPacketIsTheSame) {
  const auto all = exchange();
  for (auto* number : {&low, &high}) {
    EXPECT_EQ(flows_told(read_capture(pcap(at_the_client(all), 1, false, *number))), kOfExchange);
    EXPECT_EQ(flows_told(read_capture(pcap(at_the_client(all), 1, true, *number))), kOfExchange);
    const auto measured = read_capture(pcapng(at_the_client(all), *number));
    EXPECT_EQ(flows_told(measured), kOfExchange);
    EXPECT_NEAR(static_cast<double>(measured.trips[0].at - (Ns{kNow} + 1000) * kSecond), 0, 1000);
  }
  std::vector<Kept> v6, tagged, cooked, cooked2, bare;
  for (const auto& said : all) {
    v6.push_back(kept(said, ethernet(ipv6(said))));
    tagged.push_back(kept(said, ethernet(ipv4(said), true)));
    cooked.push_back(kept(said, std::string(14, '\0') + high(0x0800, 2) + ipv4(said)));
    cooked2.push_back(kept(said, high(0x86dd, 2) + std::string(18, '\0') + ipv6(said)));
    bare.push_back(kept(said, ipv4(said)));
  }
  const auto measured = read_capture(pcap(v6));
  EXPECT_EQ(flows_told(measured), kOfExchange);
  EXPECT_NE(measured.note.find("[fd00::2]:443"), std::string::npos) << measured.note;
  EXPECT_EQ(flows_told(read_capture(pcap(tagged))), kOfExchange);
  EXPECT_EQ(flows_told(read_capture(pcap(cooked, 113))), kOfExchange);
  EXPECT_EQ(flows_told(read_capture(pcap(cooked2, 276))), kOfExchange);
  EXPECT_EQ(flows_told(read_capture(pcap(bare, 101))), kOfExchange);
}

TEST(Captured, AtTheServerItIsTheServersSegmentsThatTravel) {
  // The same exchange 20 ms further: what comes is answered at once, what leaves takes 40 ms.
  const std::vector<Said> all{
      {.ms = 20, .by_client = true, .sequence = 1000, .flags = kSyn},
      {.ms = 20.05, .by_client = false, .sequence = 9000, .acknowledged = 1001, .flags = kSyn | kAck},
      {.ms = 60, .by_client = true, .sequence = 1001, .acknowledged = 9001},
      {.ms = 120, .by_client = true, .sequence = 1001, .acknowledged = 9001, .payload = 100},
      {.ms = 122, .by_client = false, .sequence = 9001, .acknowledged = 1101, .payload = 1000},
      {.ms = 163, .by_client = true, .sequence = 1101, .acknowledged = 10001}};
  const auto measured = read_capture(pcap(at_the_client(all)));
  EXPECT_EQ(flows_told(measured), (std::vector<std::string>{"0: 40", "102: 41"}));
  EXPECT_NE(measured.note.find("to 10.0.0.1:5000 and back"), std::string::npos) << measured.note;
}

TEST(Captured, WhatIsSentAgainWasLostAndWhatWaitedForItIsUnknown) {
  std::vector<Said> all = exchange();
  for (int i = 0; i < 3; i++)  // the first of three is lost, and nobody says so selectively
    all.push_back(
        {.ms = 200.0 + i, .by_client = true, .sequence = 1101u + 100 * i, .acknowledged = 10001, .payload = 100});
  all.push_back({.ms = 500, .by_client = true, .sequence = 1101, .acknowledged = 10001, .payload = 100});
  all.push_back({.ms = 540, .by_client = false, .sequence = 10001, .acknowledged = 1401});
  EXPECT_EQ(flows_told(read_capture(pcap(at_the_client(all)))),
            (std::vector<std::string>{"0: 40", "100: 42", "200: -"}));
}

TEST(Captured, WhatIsAcknowledgedSelectivelyHasItsTime) {
  std::vector<Said> all = exchange();
  for (int i = 0; i < 3; i++)
    all.push_back(
        {.ms = 200.0 + i, .by_client = true, .sequence = 1101u + 100 * i, .acknowledged = 10001, .payload = 100});
  all.push_back({.ms = 244, .by_client = false, .sequence = 10001, .acknowledged = 1101, .selective = {{1201, 1301}}});
  all.push_back({.ms = 247, .by_client = false, .sequence = 10001, .acknowledged = 1101, .selective = {{1201, 1401}}});
  all.push_back({.ms = 248, .by_client = true, .sequence = 1101, .acknowledged = 10001, .payload = 100});
  all.push_back({.ms = 290, .by_client = false, .sequence = 10001, .acknowledged = 1401});
  EXPECT_EQ(flows_told(read_capture(pcap(at_the_client(all)))),
            (std::vector<std::string>{"0: 40", "100: 42", "200: -", "201: 43", "202: 45"}));
}

TEST(Captured, NumbersBeginAgainAndSoMayAConnectionOfTheSamePorts) {
  std::vector<Said> all;
  const std::uint32_t first = 0xffffff00u;
  all.push_back({.ms = 0, .by_client = true, .sequence = first, .flags = kSyn});
  all.push_back({.ms = 30, .by_client = false, .sequence = 5, .acknowledged = first + 1, .flags = kSyn | kAck});
  for (std::uint32_t i = 0; i < 4; i++) {
    all.push_back(
        {.ms = 100.0 + 100 * i, .by_client = true, .sequence = first + 1 + 100 * i, .acknowledged = 6, .payload = 100});
    all.push_back({.ms = 131.0 + 100 * i, .by_client = false, .sequence = 6, .acknowledged = first + 101 + 100 * i});
  }
  for (auto said : exchange()) {
    said.ms += 1000;
    all.push_back(said);
  }
  EXPECT_EQ(flows_told(read_capture(pcap(at_the_client(all)))),
            (std::vector<std::string>{"0: 30", "100: 31", "200: 31", "300: 31", "400: 31", "1000: 40", "1100: 42"}));
}

TEST(Captured, OfSeveralConnectionsOneIsChosen) {
  auto all = exchange();
  for (auto said : exchange()) {
    said.port = 6000;
    said.ms += 7;
    all.push_back(said);
  }
  const std::string file = pcap(at_the_client(all));
  const std::string said = capture_refusal(file);
  EXPECT_NE(said.find("2 TCP connections: choose one with --flow: 10.0.0.1:5000-10.0.0.2:443 (6 packets)"),
            std::string::npos)
      << said;
  EXPECT_EQ(flows_told(read_capture(file, "10.0.0.1:6000-10.0.0.2:443")), kOfExchange);
  EXPECT_EQ(flows_told(read_capture(file, "10.0.0.2:443-10.0.0.1:6000")), kOfExchange) << "from either end";
  EXPECT_NE(capture_refusal(file, "10.0.0.3:1-10.0.0.2:443").find("there is no connection"), std::string::npos);
}

/// 40 requests of 100 bytes, one each 100 ms, that are acknowledged after 50 ms; the tenth is lost once.
std::vector<Said> requests() {
  std::vector<Said> all;
  for (std::uint32_t i = 0; i < 40; i++) {
    const double ms = 100.0 * i;
    const std::uint32_t at = 1000 + 100 * i;
    const auto number = static_cast<std::uint16_t>(2 * i + 1);
    Said request{
        .ms = ms, .sequence = at, .acknowledged = 9000, .payload = 100, .number = number, .timestamp = 500 + i};
    all.push_back(request);
    if (i == 10) {
      request.ms += 30;
      request.number++;
      request.timestamp += 1000;
      all.push_back(request);
    }
    all.push_back({.ms = ms + 50 + (i == 10 ? 30 : 0),
                   .by_client = false,
                   .sequence = 9000,
                   .acknowledged = at + 100,
                   .number = number,
                   .timestamp = 500 + i});
  }
  return all;
}
std::vector<std::string> of_requests() {
  std::vector<std::string> out;
  for (int i = 0; i < 40; i++) out.push_back(i == 10 ? "1000: -" : fmt::format("{}: 50", 100 * i));
  return out;
}
/// As a capture on all of a host's interfaces has it: each packet, or each of one end's, once more a little later.
std::vector<Said> seen_again(const std::vector<Said>& all, double ms, bool clients, bool servers) {
  std::vector<Said> out;
  for (auto said : all) {
    out.push_back(said);
    if (said.by_client ? !clients : !servers) continue;
    said.ms += ms;
    out.push_back(said);
  }
  std::stable_sort(out.begin(), out.end(), [](const Said& a, const Said& b) { return a.ms < b.ms; });
  return out;
}
std::vector<Kept> as_ipv6(const std::vector<Said>& all) {
  std::vector<Kept> packets;
  for (const auto& said : all) packets.push_back(kept(said, ethernet(ipv6(said))));
  return packets;
}

TEST(Captured, APacketThatIsSeenAgainIsOne) {
  EXPECT_EQ(flows_told(read_capture(pcap(at_the_client(requests())))), of_requests());
  for (const bool clients : {false, true})
    for (const bool servers : {false, true}) {
      const std::string which = fmt::format("the client's: {}, the server's: {}", clients, servers);
      const auto all = seen_again(requests(), 0.05, clients, servers);
      const auto measured = read_capture(pcap(at_the_client(all)));
      EXPECT_EQ(flows_told(measured), of_requests()) << which;
      EXPECT_EQ(measured.trips[0].rtt, 50 * kMillisecond) << which << ": the first time counts, of both";
      EXPECT_EQ(measured.note.find(fmt::format("of {} packets {} were seen again", all.size(), all.size() - 81)) !=
                    std::string::npos,
                clients || servers)
          << measured.note;
      EXPECT_EQ(flows_told(read_capture(pcap(as_ipv6(all)))), of_requests()) << which;
      auto bare = all;
      for (auto& said : bare) said.number = 0, said.timestamp = 0;
      EXPECT_EQ(flows_told(read_capture(pcap(at_the_client(bare)))), of_requests()) << which;
    }
  // Behind a queue between two interfaces only the number tells.
  EXPECT_EQ(flows_told(read_capture(pcap(at_the_client(seen_again(requests(), 20, true, false))))), of_requests());
}

TEST(Captured, SelectiveAcknowledgementsThatDifferAreNotTheSame) {
  std::vector<Said> all = exchange();
  for (std::uint32_t i = 0; i < 3; i++)
    all.push_back({.ms = 200, .sequence = 1101u + 100 * i, .acknowledged = 10001, .payload = 100});
  for (std::uint32_t i = 0; i < 2; i++)
    all.push_back({.ms = 245 + 0.1 * i,
                   .by_client = false,
                   .sequence = 10001,
                   .acknowledged = 1101,
                   .selective = {{1201, 1301 + 100 * i}}});
  EXPECT_EQ(flows_told(read_capture(pcap(at_the_client(all)))),
            (std::vector<std::string>{"0: 40", "100: 42", "200: 45", "200: 45"}));
}

TEST(Captured, CopiesThatCannotBeToldAreRefused) {
  const auto expect_refused = [](const std::vector<Kept>& packets, const std::string& what) {
    const std::string said = capture_refusal(pcap(packets));
    EXPECT_NE(said.find("seem to stand in it more than once"), std::string::npos) << what << ": " << said;
    EXPECT_NE(said.find("capture on one interface"), std::string::npos) << what << ": " << said;
  };
  expect_refused(as_ipv6(seen_again(requests(), 5, true, true)), "without numbers, behind a queue");
  expect_refused(as_ipv6(seen_again(requests(), 5, true, false)), "one way");
  std::vector<Said> split;  // bundles that one interface has whole, and another in parts
  for (const auto& said : requests()) {
    split.push_back(said);
    if (!said.by_client || said.sequence % 400 != 0) continue;
    for (std::uint32_t i = 0; i < 2; i++) {
      split.push_back(said);
      split.back().ms += 0.05;
      split.back().payload = 50;
      split.back().sequence += 50 * i;
    }
  }
  expect_refused(at_the_client(split), "in parts");
  // What was lost in an outage comes again after a timeout, however much it is.
  std::vector<Said> cut = exchange();
  for (const double ms : {200.0, 500.0})
    for (std::uint32_t i = 0; i < 20; i++)
      cut.push_back({.ms = ms + 0.01 * i, .sequence = 1101u + 100 * i, .acknowledged = 10001, .payload = 100});
  cut.push_back({.ms = 550, .by_client = false, .sequence = 10001, .acknowledged = 3101});
  EXPECT_EQ(flows_told(read_capture(pcap(at_the_client(cut)))).size(), 22u);
}

TEST(Captured, WhateverAFileIsItIsReadToItsEndOrRefused) {
  // Cut off anywhere, and with each byte turned: nothing of a file is believed.
  for (const auto& file : {pcap(at_the_client(exchange())), pcapng(at_the_client(exchange()))}) {
    for (std::size_t length = 0; length < file.size(); length++) {
      try {
        std::string_view taken;
        read_measured(file.substr(0, length), "c.pcap", "pcap", {}, taken);
      } catch (const Failure& failure) {
        EXPECT_EQ(failure.status(), Exit::invalid);
      }
    }
    for (std::size_t at = 0; at < file.size(); at++) {
      std::string other = file;
      other[at] = static_cast<char>(~other[at]);
      try {
        std::string_view taken;
        read_measured(other, "c.pcap", "pcap", {}, taken);
      } catch (const Failure& failure) {
        EXPECT_EQ(failure.status(), Exit::invalid);
      }
    }
  }
  auto packets = at_the_client(exchange());
  const std::string whole = pcap(packets);
  EXPECT_EQ(flows_told(read_capture(whole.substr(0, whole.size() - 1))), kOfExchange) << "whoever wrote it was killed";
  EXPECT_NE(capture_refusal(pcap({})).find("no TCP connection"), std::string::npos);
  EXPECT_NE(capture_refusal(pcap({packets[0]})).find("nothing of this connection was acknowledged"), std::string::npos);
  std::string long_one = pcap({packets[0]});
  long_one.replace(24 + 8, 4, low(0x7fffffff, 4));
  EXPECT_NE(capture_refusal(long_one).find("packet 1 is said to be of 2147483647 bytes"), std::string::npos);
  const std::string section = block(0x0a0d0d0a, low(0x1a2b3c4d, 4) + low(1, 2) + low(0, 2) + std::string(8, '\xff'));
  EXPECT_NE(capture_refusal(section + block(6, std::string(20, '\0'))).find("an interface that the file does not have"),
            std::string::npos);
  EXPECT_NE(capture_refusal(section + block(3, std::string(20, '\0'))).find("packets without times"),
            std::string::npos);
  EXPECT_NE(capture_refusal(section + std::string("\1\0\0\0\5\0\0\0\0\0\0\0", 12)).find("it is of 5 bytes"),
            std::string::npos);
}

TEST(TraceCommand, ACaptureIsATraceOfItsConnection) {
  const test::TemporaryFolder folder;
  auto all = exchange();
  for (auto said : exchange()) {
    said.port = 6000;
    all.push_back(said);
  }
  const auto file = folder.write("link.pcap", pcap(at_the_client(all)));
  EXPECT_EQ(cli::say({"trace", "from", file.string()}).status, 3);
  const auto said = cli::say({"trace", "from", file.string(), "--flow", "10.0.0.1:6000-10.0.0.2:443"});
  EXPECT_EQ(said.status, 0) << said.error;
  EXPECT_NE(said.out.find("# the connection 10.0.0.1:6000-10.0.0.2:443: from the capture to 10.0.0.2:443 and back"),
            std::string::npos)
      << said.out;
  EXPECT_NE(said.out.find("\n0.000,20.5000,"), std::string::npos) << said.out;
  EXPECT_NE(said.error.find("pcap: 2 round trips in 100ms, 0 of them lost"), std::string::npos) << said.error;
}

}  // namespace
}  // namespace faultline::sketch
