// What an http probe expects of an answer, and what a plan may not ask for.
#include "injector/probe/http_expectation.h"

#include "tests/unit/plan_support.h"

namespace faultline::probe {
namespace {

using nlohmann::json;

TEST(HttpExpectation, TheFirstThatIsNotMetNamesTheError) {
  const HttpExpectation expected({}, "paid", "p.id", {{"A", "x"}}, {{"/state", "paid"}});
  HttpAnswer answer{
      .status = 503, .body = "", .header = [](const std::string&) { return std::optional<std::string>(); }};
  EXPECT_EQ(expected.judge(answer), "status 503");
  answer.status = 200;
  EXPECT_EQ(expected.judge(answer), "header");
  answer.header = [](const std::string& name) {
    return name == "A" ? std::optional<std::string>("wxy") : std::nullopt;
  };
  EXPECT_EQ(expected.judge(answer), "body");
  answer.body = "paid";
  EXPECT_EQ(expected.judge(answer), "json");
  answer.body = "{\"state\": \"paid\"}";
  EXPECT_EQ(expected.judge(answer), "");
  const HttpExpectation pattern({}, "", "^p.id$", {}, {});
  EXPECT_EQ(pattern.judge(answer), "matches");
}

TEST(HttpExpectation, SaysWhatWasWantedAndWhatWasSeen) {
  const HttpExpectation expected(200, "state", "", {{"A", "x"}}, {{"/state", "paid"}, {"/sum", "3"}});
  HttpAnswer answer{
      .status = 503, .body = "", .header = [](const std::string&) { return std::optional<std::string>(); }};
  EXPECT_EQ(expected.mismatch(answer), "status: 200 wanted, 503 seen");
  EXPECT_EQ(HttpExpectation({}, "", "", {}, {}).mismatch(answer), "status: 200 to 399 wanted, 503 seen");
  answer.status = 200;
  EXPECT_EQ(expected.mismatch(answer), "header A: \"x\" wanted, no such header seen");
  std::string value = "y";
  answer.header = [&](const std::string&) { return std::optional(value); };
  EXPECT_EQ(expected.mismatch(answer), "header A: \"x\" wanted, \"y\" seen");
  value = "x";
  EXPECT_EQ(expected.mismatch(answer), "body: \"state\" wanted in it, and not there");
  for (const auto& [body, told] :
       {std::pair{"state", "body: a JSON document wanted, no JSON seen"},
        std::pair{R"({"state": "open", "sum": 3})", R"(JSON field /state: "paid" wanted, "open" seen)"},
        std::pair{R"({"state": "paid", "sum": 4})", "JSON field /sum: 3 wanted, 4 seen"},
        std::pair{R"({"state": "paid"})", "JSON field /sum: 3 wanted, no such field seen"},
        std::pair{R"({"state": "paid", "sum": 3})", ""}}) {
    answer.body = body;
    EXPECT_EQ(expected.mismatch(answer), told);
  }
  EXPECT_EQ(HttpExpectation({}, "", "^p.id$", {}, {}).mismatch(answer), "body: nothing in it matches \"^p.id$\"");
}

TEST(HttpExpectation, AValueOfJsonIsATextOrWhatJsonWrites) {
  EXPECT_TRUE(is_json_value(json("3"), "3"));
  EXPECT_TRUE(is_json_value(json(3), "3"));
  EXPECT_TRUE(is_json_value(json(3.0), "3"));
  EXPECT_TRUE(is_json_value(json(true), "true"));
  EXPECT_TRUE(is_json_value(json(nullptr), "null"));
  EXPECT_FALSE(is_json_value(json("paid"), "\"paid\""));
  EXPECT_FALSE(is_json_value(json(true), "yes"));
}

TEST(HttpExpectation, APatternCostsWhatTheBodyIsLong) {
  // One that takes a backtracking matcher longer than the universe has been there.
  const HttpExpectation expected({}, "", "(a*)*b", {}, {});
  const std::string body(100'000, 'a');
  const HttpAnswer answer{.status = 200, .body = body, .header = {}};
  EXPECT_EQ(expected.judge(answer), "matches");
}

TEST(HttpExpectation, WhatCannotBeExpectedIsAMistakeOfThePlan) {
  const std::string http = "[probes.p]\nhttp = \"http://10.0.0.1/\"\n",
                    https = "[probes.p]\nhttp = \"https://10.0.0.1/\"\n";
  plan::only_mistake(http + "expect.matches = \"(\"\n", "is not a regular expression");
  plan::only_mistake(http + "expect.json = { state = \"paid\" }\n", "is not a JSON pointer");
  plan::only_mistake(http + "expect.headers = { \"a b\" = \"\" }\n", "is not a header");
  plan::only_mistake(http + "tls.ca = \"/ca.pem\"\n", "tls.ca: it is not asked over TLS");
  plan::only_mistake(http + "tls.insecure = true\n", "it is not asked over TLS");
  plan::only_mistake(https + "tls.ca = \"ca.pem\"\n", "", "${plan_dir}/ca.pem");
  plan::only_mistake(https + "tls.key = \"/k.pem\"\n", "a key without a certificate");
  plan::only_mistake(https + "tls.ca = \"/k.pem\"\ntls.insecure = true\n", "nothing is checked");
  plan::only_mistake(https + "tls.name = \"a b\"\n", "is not the name of a server");
  plan::only_mistake(http + "version = \"3\"\n", "unknown value \"3\"");
  plan::parse_good(https + "tls = { ca = \"/a\", certificate = \"/b\", key = \"/c\", name = \"pay.example\" }\n");
}

}  // namespace
}  // namespace faultline::probe
