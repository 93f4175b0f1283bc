// [[events]], and hypotheses about them and about how soon a fault is noticed.
#include "tests/unit/plan_support.h"

namespace faultline::plan {
namespace {

/// A fault from 5 s to 15 s of a run of 25 s, and an event in a file.
const std::string kEvent = kSmall + "[[events]]\nname = \"down\"\nfile = \"/var/log/edge.log\"\nmatch = \"is DOWN\"\n";
const std::string kAbout = kEvent + "[[hypotheses]]\nevent = \"down\"\n";
const std::string kLab =
    "[lab.rooms.east]\n[lab.hosts.edge]\nroom = \"east\"\ncommand = [\"haproxy\"]\n[lab.hosts.idle]\nroom = \"east\"\n"
    "[probes.p]\nicmp = \"edge\"\nfrom = \"idle\"\n[[events]]\nname = \"down\"\n";

TEST(PlanEvents, ComeFromALogOfTheLabOrAFile) {
  const auto of_file = parse_good(kEvent).events.at(0);
  EXPECT_EQ(of_file.name, "down");
  EXPECT_EQ(of_file.file, "/var/log/edge.log");
  EXPECT_EQ(of_file.match, "is DOWN");
  EXPECT_EQ(parse_good(kLab + "log = \"edge\"\nmatch = \"x\"\n").events.at(0).log, "edge");
  only_mistake(kLab + "log = \"egde\"\nmatch = \"x\"\n", "no host \"egde\"", "did you mean \"edge\"?");
  only_mistake(kLab + "log = \"idle\"\nmatch = \"x\"\n", "has no command");
  only_mistake(kLab + "match = \"x\"\n", "none of \"log\", \"file\" and \"probe\"");
  only_mistake(kLab + "log = \"edge\"\nfile = \"/x\"\nmatch = \"x\"\n", "looked for in one place");
  only_mistake(kLab + "file = \"edge.log\"\nmatch = \"x\"\n", "not a whole path");
  only_mistake(kLab + "log = \"edge\"\n", "match");
  only_mistake(kLab + "log = \"edge\"\nmatch = \"(\"\n", "match: it is not a regular expression: missing )");
  only_mistake(kEvent + "[[events]]\nname = \"down\"\nfile = \"/y\"\nmatch = \"x\"\n", "two events \"down\"");
}

TEST(PlanEvents, ComeFromTheValuesOfAProbe) {
  const std::string probe =
      kSmall + "[probes.alerts]\nexec = [\"cat\", \"/run/alerts\"]\nvalue = \"number\"\nfrom = \"here\"\n";
  const std::string event = "[[events]]\nname = \"the pager rings\"\n";
  const auto of_value = parse_good(probe + event + "probe = \"alerts\"\nvalue = \">= 1\"\n").events.at(0);
  EXPECT_EQ(of_value.probe, "alerts");
  ASSERT_TRUE(of_value.value);
  EXPECT_TRUE(of_value.value->holds(1) && !of_value.value->holds(0));
  EXPECT_EQ(of_value.match, ">= 1");
  EXPECT_EQ(source_text(of_value), "the answers of probe alerts");
  only_mistake(probe + event + "probe = \"alerts\"\n", "not said which value", "value = \">= 1\"");
  only_mistake(probe + event + "probe = \"alert\"\nvalue = \">= 1\"\n", "no probe \"alert\"", "did you mean");
  only_mistake(probe + event + "probe = \"pay\"\nvalue = \">= 1\"\n", "have no value");
  only_mistake(probe + event + "probe = \"alerts\"\nvalue = \">= 1\"\nmatch = \"x\"\n", "lines of a log");
  only_mistake(probe + event + "probe = \"alerts\"\nfile = \"/x\"\nvalue = \">= 1\"\n", "looked for in one place");
  only_mistake(kEvent + "value = \">= 1\"\n", "value: is asked of the answers of a probe");
}

TEST(PlanEvents, HypothesesCountThemOrAskHowSoon) {
  const auto seen = parse_good(kAbout + "during = \"degrade\"\nseen = \">= 1\"\n").hypotheses.at(0);
  EXPECT_EQ(seen.event, "down");
  EXPECT_EQ(seen.seen->value, 1);
  EXPECT_EQ(seen.name, "event \"down\" during degrade: seen >= 1");
  EXPECT_EQ(parse_good(kAbout + "seen = \"= 0\"\n").hypotheses.at(0).during, "run");
  const auto soon = parse_good(kAbout + "during = \"degrade\"\ndetects_within = \"5s\"\n").hypotheses.at(0);
  EXPECT_EQ(soon.detects_within, 5 * kSecond);
  EXPECT_EQ(soon.name, "event \"down\" during degrade: seen within 5s");
  only_mistake(kAbout, "not said what is expected");
  only_mistake(kEvent + "[[hypotheses]]\nevent = \"dwon\"\nseen = \"= 0\"\n", "no event \"dwon\"", "did you mean");
  only_mistake(kAbout + "seen = \"= 0\"\nprobe = \"pay\"\n", "about requests or about an event");
  only_mistake(kAbout + "seen = \"= 0\"\nsuccess = \">= 1%\"\n", "no conditions on requests");
  only_mistake(kAbout + "seen = \"= 0\"\neventually = \"5s\"\n", "eventually: is not for an event");
  only_mistake(kAbout + "seen = \"= 0\"\nrecovers_within = \"5s\"\n", "recovers_within: is about the requests");
  only_mistake(kAbout + "seen = \"= 0\"\n[[hypotheses]]\nsuccess = \">= 1%\"\n", "has no \"probe\"");
  only_mistake(kSmall + "[[hypotheses]]\nevent = 5\nduring = \"degrade\"\n", "event: expected a string");
  only_mistake(kSmall + "[[hypotheses]]\nprobe = \"pay\"\nsuccess = \">= 1%\"\nseen = \"= 0\"\n",
               "seen: is about an event");
}

TEST(PlanEvents, HowSoonIsAskedOfAFaultThatLastsLongEnough) {
  const std::string of_traffic = kSmall + "[[hypotheses]]\nduring = \"degrade\"\n";
  const auto h = parse_good(of_traffic + "detects_within = \"5s\"\n").hypotheses.at(0);
  EXPECT_FALSE(h.event);
  EXPECT_EQ(h.name, "traffic during degrade: stops going into it within 5s");
  parse_good(of_traffic + "detects_within = \"9s\"\n");
  only_mistake(of_traffic + "detects_within = \"9500ms\"\n", "lasts 10s, in which");
  only_mistake(of_traffic + "detects_within = \"0s\"\n", "longer than 0s");
  only_mistake(kSmall + "[[hypotheses]]\ndetects_within = \"5s\"\n", "not said which fault");
  only_mistake(kSmall + "[[hypotheses]]\nduring = \"recovery\"\ndetects_within = \"5s\"\n", "not said which fault");
  only_mistake(of_traffic + "detects_within = \"5s\"\nafter = \"1s\"\n", "counts from where the fault begins");
  only_mistake(of_traffic + "probe = \"pay\"\ndetects_within = \"5s\"\n", "about requests or about how soon");
  parse_good(kAbout + "during = \"degrade\"\ndetects_within = \"20s\"\n");
  only_mistake(kAbout + "during = \"degrade\"\ndetects_within = \"21s\"\n", "the run ends 20s after");
}

TEST(PlanEvents, AWindowMayBeginWithOne) {
  const auto h = parse_good(kEvent +
                            "[[hypotheses]]\nprobe = \"pay\"\nduring = \"degrade\"\nafter_event = \"down\"\nafter = "
                            "\"1s\"\nfor = \"3s\"\nsuccess = \">= 1%\"\n")
                     .hypotheses.at(0);
  EXPECT_EQ(h.after_event, "down");
  EXPECT_EQ(window_text(h), "degrade, from 1s after event \"down\" for 3s");
  only_mistake(kSmall + "[[hypotheses]]\nprobe = \"pay\"\nsuccess = \">= 1%\"\nafter_event = \"down\"\n",
               "after_event: there is no event \"down\"", "add [[events]]");
  only_mistake(kEvent + "[[hypotheses]]\nprobe = \"pay\"\nrecovers_within = \"1s\"\nafter_event = \"down\"\n",
               "after_event: recovers_within looks at");
}

}  // namespace
}  // namespace faultline::plan
