#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>

#include "injector/base/error.h"
#include "injector/base/fd.h"
#include "injector/probe/echo.h"

namespace faultline::probe {
namespace {

using Bytes = std::vector<std::uint8_t>;

// The Internet checksum by another road than the code under test: add with end-around carry, word by word.
std::uint16_t sum(const Bytes& p) {
  std::uint16_t total = 0;
  for (std::size_t i = 0; i + 1 < p.size(); i += 2) {
    const std::uint16_t word = static_cast<std::uint16_t>(p[i] << 8 | p[i + 1]);
    total = static_cast<std::uint16_t>(total + word);
    if (total < word) ++total;
  }
  return total;
}

void fix_checksum(Bytes& icmp) {
  icmp[2] = icmp[3] = 0;
  const std::uint16_t value = static_cast<std::uint16_t>(~sum(icmp));
  icmp[2] = static_cast<std::uint8_t>(value >> 8);
  icmp[3] = static_cast<std::uint8_t>(value);
}

Bytes ip_header(int words) {
  Bytes header(static_cast<std::size_t>(words) * 4);
  header[0] = static_cast<std::uint8_t>(0x40 | words);
  header[9] = 1;
  return header;
}

Bytes join(Bytes a, const Bytes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

struct Case {
  bool v6;
  int words = 5;  // of the outer IPv4 header
  Echo echo() const { return {v6, 0xbeef, 0x0123456789abcdef}; }
  Bytes outer() const { return v6 ? Bytes{} : ip_header(words); }

  Bytes reply(const Echo& to, std::uint64_t n) const {
    const auto request = echo_request(to, n);
    Bytes icmp(request.begin(), request.end());
    icmp[0] = v6 ? 129 : 0;
    fix_checksum(icmp);
    return join(outer(), icmp);
  }

  Bytes unreachable(const Echo& to, std::uint64_t n, std::uint8_t type) const {
    const auto request = echo_request(to, n);
    Bytes quoted = v6 ? Bytes(40) : ip_header(5);
    if (v6) quoted[6] = 58;
    Bytes icmp = join(Bytes{type, 1, 0, 0, 0, 0, 0, 0}, join(quoted, Bytes(request.begin(), request.begin() + 8)));
    fix_checksum(icmp);
    return join(outer(), icmp);
  }
};

class ProbeEcho : public testing::TestWithParam<Case> {
 protected:
  // What the kernel's filter does with a packet: a unix socket takes the same classic BPF, and needs no privilege.
  bool passes(const Echo& echo, const Bytes& packet) {
    int ends[2];
    check("socketpair", socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, ends));
    const Fd a(ends[0]), b(ends[1]);
    auto filter = echo_filter(echo);
    const sock_fprog program{static_cast<unsigned short>(filter.size()), filter.data()};
    check("attach", setsockopt(b.get(), SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program));
    ::send(a.get(), packet.data(), packet.size(), 0);
    char out[2048];
    return ::recv(b.get(), out, sizeof out, 0) == static_cast<ssize_t>(packet.size());
  }
};

TEST_P(ProbeEcho, ARequestIsAnEchoRequestWithARightChecksum) {
  const auto p = echo_request(GetParam().echo(), 0x12345);
  EXPECT_EQ(p[0], GetParam().v6 ? 128 : 8);
  EXPECT_EQ(p[6] << 8 | p[7], 0x2345);
  if (!GetParam().v6) {
    EXPECT_EQ(sum(Bytes(p.begin(), p.end())), 0xffff);
  }
}

TEST_P(ProbeEcho, AReplyGivesBackTheWholeNumber) {
  const Case& c = GetParam();
  const auto answer = read_echo(c.echo(), c.reply(c.echo(), 0x123456789));
  ASSERT_TRUE(answer);
  EXPECT_TRUE(answer->reply);
  EXPECT_EQ(answer->n, 0x123456789u);
  EXPECT_TRUE(passes(c.echo(), c.reply(c.echo(), 0x123456789)));
}

TEST_P(ProbeEcho, AForeignReplyIsNeitherReadNorLetThrough) {
  const Case& c = GetParam();
  Echo other_ident = c.echo(), high = c.echo(), low = c.echo();
  other_ident.ident ^= 1;
  high.cookie ^= 1ULL << 63;
  low.cookie ^= 1;
  for (const Echo& other : {other_ident, high, low}) {
    EXPECT_FALSE(read_echo(c.echo(), c.reply(other, 7)));
    EXPECT_FALSE(passes(c.echo(), c.reply(other, 7)));
  }
}

TEST_P(ProbeEcho, OurOwnRequestIsNoAnswer) {
  const Case& c = GetParam();
  const auto request = echo_request(c.echo(), 1);
  const Bytes packet = join(c.outer(), Bytes(request.begin(), request.end()));
  EXPECT_FALSE(read_echo(c.echo(), packet));
  EXPECT_FALSE(passes(c.echo(), packet));
}

TEST_P(ProbeEcho, AnErrorNamesTheSequenceNumber) {
  const Case& c = GetParam();
  for (const int type : c.v6 ? std::vector{1, 3} : std::vector{3, 11}) {
    const Bytes packet = c.unreachable(c.echo(), 0x54321, static_cast<std::uint8_t>(type));
    const auto answer = read_echo(c.echo(), packet);
    ASSERT_TRUE(answer) << type;
    EXPECT_FALSE(answer->reply);
    EXPECT_EQ(answer->sequence, 0x4321);
    EXPECT_TRUE(passes(c.echo(), packet)) << type;
  }
}

TEST_P(ProbeEcho, AnErrorAboutAnotherPacketIsNotOurs) {
  const Case& c = GetParam();
  Echo other = c.echo();
  other.ident ^= 0x100;
  const std::uint8_t type = c.v6 ? 1 : 3;
  EXPECT_FALSE(read_echo(c.echo(), c.unreachable(other, 1, type)));
  EXPECT_FALSE(passes(c.echo(), c.unreachable(other, 1, type)));
  Bytes udp = c.unreachable(c.echo(), 1, type);
  udp[c.outer().size() + 8 + (c.v6 ? 6 : 9)] = 17;
  EXPECT_FALSE(read_echo(c.echo(), udp));
  EXPECT_FALSE(passes(c.echo(), udp));
}

TEST_P(ProbeEcho, EveryTruncationIsRefused) {
  const Case& c = GetParam();
  for (const Bytes& whole : {c.reply(c.echo(), 1), c.unreachable(c.echo(), 1, c.v6 ? 1 : 3)})
    for (std::size_t size = 0; size < whole.size(); ++size)
      EXPECT_FALSE(read_echo(c.echo(), std::span(whole.data(), size))) << size;
}

TEST(ProbeEchoV4, ADamagedReplyIsRefused) {
  const Case c{false};
  Bytes packet = c.reply(c.echo(), 1);
  packet.back() ^= 0x10;
  EXPECT_FALSE(read_echo(c.echo(), packet));
}

INSTANTIATE_TEST_SUITE_P(families, ProbeEcho, testing::Values(Case{false}, Case{false, 7}, Case{true}),
                         [](const auto& p) {
                           return p.param.v6 ? "v6" : p.param.words == 5 ? "v4" : "v4_with_options";
                         });

}  // namespace
}  // namespace faultline::probe
