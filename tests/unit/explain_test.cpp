// What `explain` says of a plan: the arithmetic of delays, the drawing, the scope in words.
#include "injector/explain/explain.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "injector/explain/timeline.h"
#include "injector/site/find.h"
#include "tests/unit/plan_support.h"

namespace faultline::explain {
namespace {

plan::Plan plan_with(const std::string& fault, const std::string& top = "") {
  return plan::parse_good(top +
                          "[targets.shop]\nnetns = \"shop\"\n[targets.bank]\naddress = \"10.0.0.0/8\"\nprotocol = "
                          "\"udp\"\n[probes.pay]\nicmp = \"10.0.0.1\"\n"
                          "[[faults]]\non = \"shop\"\nstart = \"5s\"\nfor = \"10s\"\n" +
                          fault);
}

Effect effect(const plan::Plan& plan) {
  return effect_of(plan, plan.faults.front(), site::links_of(plan, plan.faults.front()));
}

std::string said(const Effect& effect, const std::string& what) {
  for (const auto& line : effect.lines)
    if (line.what == what) return line.then;
  return "";
}

TEST(Explain, SaysWhatClsactDoesToAQueue) {
  const auto plan = plan_with("kind = \"degrade\"\ndelay = \"100ms\"\n");
  EXPECT_EQ(explain(plan, pen::Engine::tcx, false).attaching, "");
  const std::string said = explain(plan, pen::Engine::clsact, false).attaching;
  EXPECT_NE(said.find("the kernel empties its queue"), std::string::npos) << said;
}

TEST(Effect, ADelayIsMetOnEachWayAndTwicePerNewConnection) {
  const Effect e = effect(plan_with("kind = \"degrade\"\ndelay = \"100ms\"\n"));
  EXPECT_EQ(e.ways, 2);
  EXPECT_EQ(e.packet, (Added{100 * kMillisecond, 100 * kMillisecond, 100 * kMillisecond}));
  EXPECT_EQ(e.round_trip().middle, 200 * kMillisecond);
  EXPECT_TRUE(e.steady);
  EXPECT_EQ(said(e, "Round trip"), "+200 ms (out and back each)");
  EXPECT_EQ(said(e, "Handshake"), "+200 ms (one round trip)");
  EXPECT_EQ(said(e, "Request"), "+400 ms with a new connection, +200 ms on an open one; TLS adds one more round trip");
}

TEST(Effect, AQueueIsAsLongAsItsLimitAndAFrame) {
  const Effect e = effect(plan_with("kind = \"degrade\"\nrate = \"1mbit\"\nlimit = \"56250B\"\n"));
  EXPECT_EQ(e.queue, static_cast<Ns>((56250 + 1514) * 8) * 1000) << "450 ms, and what is being sent";
}

TEST(Effect, OneDirectionIsHalfOfIt) {
  const Effect e = effect(plan_with("kind = \"degrade\"\ndelay = \"100ms\"\ndirection = \"egress\"\n"));
  EXPECT_EQ(e.ways, 1);
  EXPECT_EQ(said(e, "Round trip"), "+100 ms (one way only)");
}

TEST(Effect, OneDirectionOfATurnIsHalfOfItToo) {
  const std::string turn = "kind = \"degrade\"\nper = \"turn\"\ndelay = \"200ms\"\n";
  EXPECT_EQ(said(effect(plan_with(turn)), "Handshake"), "+400 ms (one round trip)");
  for (const char* direction : {"egress", "ingress"}) {
    const Effect e = effect(plan_with(turn + "direction = \"" + direction + "\"\n"));
    EXPECT_EQ(e.ways, 1);
    EXPECT_EQ(said(e, "Round trip"), "+200 ms (once for each turn of the conversation, however many packets)");
    EXPECT_EQ(said(e, "Request"),
              "+400 ms with a new connection, +200 ms on an open one; TLS adds one more round trip");
  }
}

TEST(Effect, ALinkThatFlapsIsUpAgainBeforeAClientGivesUp) {
  const Effect e = effect(plan_with("kind = \"flap\"\ndown = \"2s\"\nup = \"3s\"\n"));
  EXPECT_NE(said(e, "Handshake").find("until it is up again (2.00 s at most)"), std::string::npos)
      << said(e, "Handshake");
  EXPECT_EQ(said(e, "Request").find("15 minutes"), std::string::npos);
}

TEST(Effect, OfAProfileTheCutIsTheTimeWithoutAnyPacket) {
  const Effect e = effect(
      plan_with("kind = \"degrade\"\nsteps = true\nprofile = [{ at = \"0s\", delay = \"50ms\", loss = \"0%\" }, { at = "
                "\"4s\", delay = \"0s\", loss = \"100%\" }, { at = \"6s\", delay = \"0s\", loss = \"0%\" }]\n"));
  EXPECT_NE(said(e, "Handshake").find("(2.00 s at most)"), std::string::npos) << said(e, "Handshake");
}

TEST(Together, ADelayOfLookupsCutsNothing) {
  const auto plan = plan_with(
      "kind = \"degrade\"\ndelay = \"80ms\"\n[[faults]]\nname = \"names\"\nkind = \"dns\"\nanswer = \"delay\"\ndelay = "
      "\"2s\"\non = \"shop\"\nstart = \"5s\"\nfor = \"10s\"\n");
  const std::string together = said(explain(plan, pen::Engine::tcx, false).effects.at(0), "Together");
  EXPECT_EQ(together.find("cuts"), std::string::npos) << together;
  EXPECT_NE(together.find("delays add"), std::string::npos) << together;
}

TEST(Together, IsToldOfTheInstantWithMost) {
  const auto more = [](const std::string& name, int start, int length) {
    return fmt::format(
        "[[faults]]\nname = \"{}\"\nkind = \"degrade\"\non = \"shop\"\nstart = \"{}s\"\nfor = \"{}s\"\ndelay = "
        "\"10ms\"\n",
        name, start, length);
  };
  const auto plan = plan_with("kind = \"degrade\"\ndelay = \"10ms\"\n" + more("early", 5, 2) + more("late", 9, 3) +
                              more("later", 10, 5));
  const std::string together = said(explain(plan, pen::Engine::tcx, false).effects.at(0), "Together");
  EXPECT_TRUE(
      together.starts_with("with late, later (10.0 s to 12.0 s), for packets that meet all: delays add: +60.0 ms"))
      << together;
}

TEST(Together, FaultsOfOneTargetAndTimeAreSummed) {
  const std::string others =
      "[[faults]]\nname = \"more\"\nkind = \"degrade\"\non = \"shop\"\nstart = \"12s\"\nfor = \"60s\"\ndelay = "
      "\"50ms\"\nloss = \"50%\"\nrate = \"1mbit\"\n"
      "[[faults]]\nname = \"cut\"\nkind = \"sever\"\non = \"shop\"\nstart = \"300s\"\nfor = \"1s\"\n";
  const auto plan = plan_with("kind = \"degrade\"\ndelay = \"100ms\"\nloss = \"20%\"\nrate = \"10mbit\"\n" + others);
  const auto all = explain(plan, pen::Engine::tcx, false);
  const std::string together = said(all.effects.at(0), "Together");
  for (const char* part : {"with more (12.0 s to ", "delays add: +300 ms for a round trip",
                           "losses multiply: 60.0% of the packets", "the lowest rate holds: 1mbit"})
    EXPECT_NE(together.find(part), std::string::npos) << part << " in " << together;
  EXPECT_EQ(said(all.effects.at(2), "Together"), "") << "nothing else is under way then";
}

TEST(Together, WhatIsLostOfFewPacketsIsNoLossOfAll) {
  const auto plan = plan_with(
      "kind = \"degrade\"\nloss = \"20%\"\ndelay = \"10ms\"\n[[faults]]\nname = \"hole\"\nkind = \"blackhole-size\"\n"
      "above = \"1400B\"\non = \"shop\"\nstart = \"5s\"\nfor = \"10s\"\n");
  EXPECT_EQ(said(explain(plan, pen::Engine::tcx, false).effects.at(0), "Together"), "");
}

TEST(Effect, JitterGivesARangeThatEndsAtZero) {
  const Effect e = effect(plan_with("kind = \"degrade\"\ndelay = \"30ms\"\njitter = \"50ms\"\n"));
  EXPECT_EQ(e.packet, (Added{0, 30 * kMillisecond, 80 * kMillisecond}));
  EXPECT_EQ(said(e, "Handshake"), "+0 to 160 ms (one round trip)");
}

TEST(Effect, OrderIsNamedWhereItMakesTheMedianLarger) {
  const auto order = [](const std::string& keys) {
    return said(effect(plan_with("kind = \"degrade\"\ndelay = \"50ms\"\n" + keys)), "Order");
  };
  EXPECT_NE(order("jitter = \"50ms\"\ndistribution = \"pareto\"\n").find("far longer than 50.0 ms"), std::string::npos);
  EXPECT_NE(order("jitter = \"25ms\"\n").find("order = \"free\""), std::string::npos);
  EXPECT_EQ(order("jitter = \"24ms\"\n"), "") << "the least and the most are said";
  EXPECT_EQ(order("jitter = \"5ms\"\ndistribution = \"normal\"\n"), "");
  EXPECT_NE(order("jitter = \"5ms\"\ndistribution = \"paretonormal\"\n"), "") << "the slowest are very late";
  EXPECT_EQ(order(""), "");
  EXPECT_EQ(order("jitter = \"50ms\"\norder = \"free\"\n"), "");
  EXPECT_EQ(order("jitter = \"50ms\"\nper = \"turn\"\n"), "");
}

TEST(Effect, LossIsSaidAsOneInSoMany) {
  const Effect e = effect(plan_with("kind = \"degrade\"\nloss = \"1%\"\n"));
  EXPECT_DOUBLE_EQ(e.loss, 0.01);
  EXPECT_EQ(said(e, "Handshake"), "1 in 50 waits 1 s or more for a lost packet");
  EXPECT_EQ(said(e, "Round trip"), "") << "nothing is slower";
}

TEST(Effect, ASeverStallsAndAUdpPeerHasNoHandshake) {
  EXPECT_NE(said(effect(plan_with("kind = \"sever\"\n")), "Handshake").find("no answer"), std::string::npos);
  const Effect e = effect(plan_with("kind = \"degrade\"\npeer = \"bank\"\ndelay = \"10ms\"\n"));
  EXPECT_EQ(said(e, "Handshake"), "");
  EXPECT_EQ(said(e, "Datagram"), "+20.0 ms until its answer is there");
}

TEST(Effect, ACutThatShowsItselfIsToldAsDocumented) {
  const auto mode = [](const std::string& name, const std::string& more = "") {
    return effect(plan_with("kind = \"sever\"\nmode = \"" + name + "\"\n" + more));
  };
  for (const char* name : {"reset", "refuse"}) {
    EXPECT_EQ(said(mode(name), "Handshake"), "fails at once: connection refused");
    EXPECT_NE(said(mode(name), "Request").find("connection reset"), std::string::npos);
  }
  EXPECT_EQ(said(mode("reset"), "Datagram"), "gets no answer");
  EXPECT_EQ(said(mode("refuse"), "Datagram"), "is refused at once: port unreachable");
  EXPECT_EQ(said(mode("half-open"), "Handshake"), "works") << "new connections do";
  EXPECT_NE(said(mode("half-open"), "Request").find("the other end is not told"), std::string::npos);
  EXPECT_NE(said(mode("new-only"), "Handshake").find("no answer"), std::string::npos);
  EXPECT_EQ(said(mode("established-only"), "Handshake"), "works");
  EXPECT_EQ(said(mode("half-open", "peer = \"bank\"\n"), "Datagram"), "passes: only TCP is cut") << "bank is UDP";
}

TEST(Effect, ABlackHoleLetsPassWhatIsShort) {
  const auto hole = [](const std::string& more) {
    return effect(plan_with("kind = \"blackhole-size\"\nabove = \"1400B\"\n" + more));
  };
  const Effect e = hole("");
  EXPECT_FALSE(e.cuts) << "other faults are met by what is short";
  EXPECT_EQ(e.of, "packets of more than 1,400 bytes") << "how many these are, the traffic says";
  EXPECT_EQ(e.loss, 1);
  EXPECT_EQ(said(e, "Handshake"), "works, as its packets are short");
  EXPECT_NE(said(e, "Request").find("while no packet is longer than 1,400 bytes"), std::string::npos);
  EXPECT_EQ(said(hole("peer = \"bank\"\n"), "Handshake"), "") << "bank is UDP";
  EXPECT_NE(said(hole("peer = \"bank\"\n"), "Datagram").find("longer than 1,400 bytes"), std::string::npos);
}

TEST(Effect, AForgottenConnectionStallsOrIsReset) {
  const auto forgets = [](const std::string& more) {
    return effect(plan_with("kind = \"idle-timeout\"\nidle = \"5s\"\n" + more));
  };
  EXPECT_EQ(said(forgets(""), "Handshake"), "works");
  EXPECT_EQ(forgets("").of, "packets of TCP connections on which nothing passed for 5.00 s");
  EXPECT_NE(said(forgets(""), "Request").find("on which nothing passed for 5.00 s gets no answer"), std::string::npos)
      << said(forgets(""), "Request");
  EXPECT_NE(said(forgets("mode = \"reset\"\n"), "Request").find("the other end is not told"), std::string::npos);
  EXPECT_NE(said(forgets("peer = \"bank\"\n"), "Datagram").find("passes"), std::string::npos) << "bank is UDP";
}

TEST(Effect, AConnectionThatBreaksOffStallsOrIsReset) {
  const auto cut = [](const std::string& more) {
    return effect(plan_with("kind = \"cut-after\"\nafter = \"64kB\"\n" + more));
  };
  EXPECT_EQ(said(cut(""), "Handshake"), "works");
  EXPECT_EQ(cut("").of, "packets of TCP connections behind the first 64,000 bytes of payload either way");
  EXPECT_NE(said(cut(""), "Request").find("until 64,000 bytes of payload went one way"), std::string::npos);
  EXPECT_NE(said(cut(""), "Request").find("who reads waits"), std::string::npos);
  EXPECT_NE(said(cut("mode = \"reset\"\n"), "Request").find("both ends get connection reset"), std::string::npos);
  EXPECT_NE(said(cut("peer = \"bank\"\n"), "Datagram").find("passes"), std::string::npos) << "bank is UDP";
}

TEST(Effect, WhichPacketsItIsAboutIsSaidWhereThatIsNotAll) {
  const auto of = [](const std::string& fault) { return effect(plan_with(fault)).of; };
  EXPECT_EQ(of("kind = \"degrade\"\nloss = \"1%\"\n"), "");
  EXPECT_EQ(of("kind = \"sever\"\nmode = \"reset\"\n"), "");
  EXPECT_EQ(of("kind = \"sever\"\nmode = \"new-only\"\n"), "packets that open a TCP connection");
  EXPECT_EQ(of("kind = \"sever\"\nmode = \"established-only\"\n"),
            "packets of TCP connections that are older than the fault");
  EXPECT_EQ(of("kind = \"dns\"\nanswer = \"nxdomain\"\n"), "DNS lookups");
  EXPECT_EQ(of("kind = \"dns\"\nanswer = \"nxdomain\"\nnames = [\"bank.internal\", \"*.example\"]\n"),
            "DNS lookups of bank.internal, *.example");
}

TEST(Effect, ALookupIsNoHandshake) {
  const auto answer = [](const std::string& name, const std::string& more = "") {
    return effect(plan_with("kind = \"dns\"\nanswer = \"" + name + "\"\n" + more));
  };
  EXPECT_EQ(said(answer("nxdomain"), "Handshake"), "");
  EXPECT_NE(said(answer("nxdomain"), "Lookup").find("no such name"), std::string::npos);
  EXPECT_NE(said(answer("servfail"), "Lookup").find("error"), std::string::npos);
  EXPECT_NE(said(answer("silence"), "Lookup").find("no answer"), std::string::npos);
  EXPECT_NE(said(answer("wrong", "address = \"192.0.2.1\"\n"), "Lookup").find("wrong addresses"), std::string::npos);
  EXPECT_TRUE(said(answer("delay", "delay = \"2s\"\n"), "Lookup").starts_with("+2.00 s for each query"));
}

TEST(Effect, EpisodesAreNotSteadyAndTheirHeightIsTold) {
  const auto plan =
      plan_with("kind = \"machine-room-jitter\"\nepisodes = { every = \"3s\", last = \"1s\" }\ndelay = \"100ms\"\n",
                "seed = 7\n");
  const Effect e = effect(plan);
  EXPECT_FALSE(e.steady);
  EXPECT_GE(e.active.size(), 2u);
  EXPECT_GE(e.packet.most, 80 * kMillisecond) << "gain lies within 20% of 1";
  EXPECT_LE(e.packet.most, 120 * kMillisecond);
}

TEST(Effect, TellsWhatWasAskedInTheReferencesWordsWithoutDefaults) {
  const Effect e = effect(plan_with("kind = \"degrade\"\ndelay = \"100ms\"\n"));
  ASSERT_EQ(e.asked.size(), 1u);
  EXPECT_EQ(e.asked[0].key->name, "delay");
  EXPECT_EQ(e.asked[0].value, "100ms");
  EXPECT_TRUE(e.asked[0].key->doc.ends_with("."));
}

TEST(Timeline, IsDrawnInAsciiAsWideAsAsked) {
  const std::vector<Span> spans{{"slow", 3 * kSecond, 5 * kSecond, {{3 * kSecond, 5 * kSecond}}, true},
                                {"episodes", 2 * kSecond, 8 * kSecond, {{4 * kSecond, 5 * kSecond}}, true},
                                {"hypothesis", 0, 3 * kSecond, {}, false}};
  screen::Look look;
  look.width = 34;
  EXPECT_EQ(draw(spans, 10 * kSecond, look, 2),
            (std::vector<Visible>{"              0s        5s     10s", "  slow        ......####..........",
                                  "  episodes    ....----##------....", "  hypothesis  ======.............."}));
}

TEST(Timeline, NoRowIsWiderThanTheTerminal) {
  const std::vector<Span> spans{{std::string(200, 'n'), 0, kSecond, {}, true},
                                {"机房网络抖动机房网络抖动机房网络抖动机房网络抖动", 0, kSecond, {}, false}};
  for (const int width : {40, 80, 120}) {
    screen::Look look;
    look.width = width;
    const auto rows = draw(spans, 3600 * kSecond, look, 4);
    EXPECT_EQ(rows.size(), 3u) << "the axis and two spans";
    for (const auto& row : rows) EXPECT_LE(screen::columns(row.bytes()), width) << row.bytes();
  }
}

TEST(Timeline, HypothesesStandWhereTheyAreJudged) {
  const auto plan = plan::parse_good(plan::kSmall +
                                     "[[hypotheses]]\nprobe = \"pay\"\nduring = \"baseline\"\nsuccess = \">= 1%\"\n"
                                     "[[hypotheses]]\nprobe = \"pay\"\nrecovers_within = \"4s\"\n");
  const auto all = spans(plan, {effect(plan)});
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[1].end, 5 * kSecond);
  EXPECT_EQ(all[2].start, 15 * kSecond);
  EXPECT_EQ(all[2].end, 19 * kSecond);
}

TEST(Scope, IsSaidInWords) {
  const auto plan = plan_with("kind = \"degrade\"\npeer = \"bank\"\ndelay = \"10ms\"\nloopback = false\n");
  EXPECT_EQ(describe_scope(plan, plan.faults[0]),
            "on network namespace shop: what it sends and receives, to and from 10.0.0.0/8, udp, not over lo");
  const auto one_way = plan_with("kind = \"sever\"\ndirection = \"ingress\"\n");
  EXPECT_EQ(describe_scope(one_way, one_way.faults[0]), "on network namespace shop: what it receives, not over lo");
}

TEST(Scope, OfAPartitionIsWhoIsPartedFromWhom) {
  const auto plan = plan::parse_good(
      "[targets.a]\nnetns = \"a\"\n[targets.b]\nnetns = \"b\"\n[[faults]]\nkind = \"partition\"\ngroups = [[\"a\"], "
      "[\"b\"]]\nstart = \"1s\"\nfor = \"1s\"\n");
  EXPECT_EQ(describe_scope(plan, plan.faults[0]),
            "on network namespace a: what it sends to network namespace b; on network namespace b: what it sends to "
            "network namespace a, not over lo");
  EXPECT_NE(blast_radius(plan, {Reach{}}).find("only their traffic with the peers named"), std::string::npos);
  EXPECT_EQ(effect(plan).ways, 2);
}

TEST(Scope, OfADnsFaultIsItsPort) {
  const auto plan = plan_with("kind = \"dns\"\nanswer = \"nxdomain\"\n");
  EXPECT_EQ(describe_scope(plan, plan.faults[0]),
            "on network namespace shop: what it sends, port 53 unless the peer names another, lo included");
}

TEST(BlastRadius, IsOneLineAndNamesALabAsHarmless) {
  const auto lab = plan::parse_good(
      "[lab.rooms.r]\n[lab.hosts.a]\nroom = \"r\"\n[[faults]]\nkind = \"sever\"\non = \"a\"\nstart = \"1s\"\nfor = "
      "\"1s\"\n");
  const std::string text = blast_radius(lab, look_around(lab));
  EXPECT_NE(text.find("host a of the lab"), std::string::npos) << text;
  EXPECT_NE(text.find("machine's network is not touched"), std::string::npos) << text;
  EXPECT_EQ(text.find('\n'), std::string::npos);
}

TEST(LookAround, SaysWhatItWouldAskAndAsksNobody) {
  const auto plan = plan::parse_good(
      "[targets.shop]\ncontainer = \"web\"\n[targets.unit]\nunit = \"pay\"\n[targets.bank]\naddress = "
      "[\"bank.invalid\", \"10.0.0.1\"]\n[[faults]]\nkind = \"sever\"\non = [\"shop\", \"unit\"]\npeer = "
      "\"bank\"\nstart = \"1s\"\nfor = \"1s\"\n");
  const auto reach = without_looking(plan);
  ASSERT_EQ(reach.size(), 1u);
  EXPECT_FALSE(reach[0].looked);
  EXPECT_FALSE(reach[0].missing);
  EXPECT_EQ(reach[0].would_look,
            (std::vector<std::string>{"container web, by asking Docker and Podman", "the processes of unit pay.service",
                                      "the addresses of bank.invalid, by the resolver of the namespace"}));
}

TEST(LookAround, SaysOfALabThatItIsStillToCome) {
  const auto lab = plan::parse_good(
      "[lab.rooms.r]\n[lab.hosts.a]\nroom = \"r\"\n[[faults]]\nkind = \"sever\"\non = \"a\"\nstart = \"1s\"\nfor = "
      "\"1s\"\n");
  for (const auto& reach : {look_around(lab), without_looking(lab)}) {
    ASSERT_EQ(reach.size(), 1u);
    EXPECT_FALSE(reach[0].looked);
    EXPECT_FALSE(reach[0].missing);
    EXPECT_TRUE(reach[0].would_look.empty());
  }
}

}  // namespace
}  // namespace faultline::explain
