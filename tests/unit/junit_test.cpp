#include "injector/report/junit.h"

#include <pugixml.hpp>

#include "injector/report/summary.h"
#include "tests/unit/record_fixture.h"

namespace faultline::record {
namespace {

using namespace testing;

struct Parsed {
  pugi::xml_document document;
  explicit Parsed(const Recording& r) {
    const auto result = document.load_string(report::junit_xml(report::summarize(r, judge(r))).c_str());
    EXPECT_TRUE(result) << result.description();
  }
  pugi::xml_node suite() const { return document.child("testsuites").child("testsuite"); }
  pugi::xml_node test(const char* name) const { return suite().find_child_by_attribute("testcase", "name", name); }
};

TEST(Junit, APassIsThreeGreenCases) {
  const Parsed x(good_recording());
  EXPECT_EQ(x.suite().attribute("tests").as_int(), 3);
  EXPECT_EQ(x.suite().attribute("failures").as_int(), 0);
  EXPECT_EQ(x.suite().attribute("errors").as_int(), 0);
  for (const char* name : {"payments keep working", "the experiment was conclusive", "cleanup"}) {
    ASSERT_TRUE(x.test(name)) << name;
    EXPECT_FALSE(x.test(name).first_child()) << name;
  }
}

TEST(Junit, AFailedHypothesisIsAFailure) {
  Recording r = good_recording();
  r.hypotheses[0].name = "<a> & \"b\" \x02";
  replace_requests(r, 10 * kSecond, 20 * kSecond, false, 0);
  const Parsed x(r);
  const auto node = x.test("<a> & \"b\" \\u0002").child("failure");
  ASSERT_TRUE(node);
  EXPECT_NE(std::string(node.attribute("message").value()).find("success 0%"), std::string::npos);
  EXPECT_EQ(x.suite().attribute("failures").as_int(), 1);
  EXPECT_FALSE(x.test("the experiment was conclusive").first_child());
}

TEST(Junit, AnInconclusiveRunIsAnError) {
  Recording r = good_recording();
  r.faults[0].account->matched = 0;
  const Parsed x(r);
  const auto node = x.test("the experiment was conclusive").child("error");
  ASSERT_TRUE(node);
  EXPECT_NE(std::string(node.attribute("message").value()).find("met no packet"), std::string::npos);
  EXPECT_EQ(x.suite().attribute("errors").as_int(), 1);
}

TEST(Junit, AnInterruptedRunIsAnErrorAndSkipsTheRest) {
  Recording r = good_recording();
  r.ended = false;
  r.last_seen = 12 * kSecond;
  r.cleanup.reset();
  const Parsed x(r);
  EXPECT_TRUE(x.test("the experiment was conclusive").child("error"));
  EXPECT_TRUE(x.test("payments keep working").child("skipped"));
  EXPECT_TRUE(x.test("cleanup").child("skipped"));
  EXPECT_EQ(x.suite().attribute("skipped").as_int(), 2);
}

TEST(Junit, IncompleteCleanupIsAFailure) {
  Recording r = good_recording();
  r.cleanup = Cleanup{false, {"flpen0: busy"}};
  const Parsed x(r);
  EXPECT_NE(std::string(x.test("cleanup").child("failure").text().get()).find("flpen0: busy"), std::string::npos);
}

}  // namespace
}  // namespace faultline::record
