// What an http probe expects of an answer, and what a plan may not ask for.
#include "injector/probe/http_expectation.h"
#include "injector/probe/value.h"

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

TEST(HttpExpectation, SaysNoSecretOfAField) {
  HttpAnswer answer{.status = 200, .body = "", .header = [](const std::string&) {
                      return std::optional<std::string>("sid=hunter2; Path=/");
                    }};
  EXPECT_EQ(HttpExpectation({}, "", "", {{"Set-Cookie", "sid=1"}}, {}).mismatch(answer),
            "header Set-Cookie: *** wanted, *** seen");
  answer.body = R"({"auth": {"token": "hunter2"}})";
  EXPECT_EQ(HttpExpectation({}, "", "", {}, {{"/auth/token", "hunter3"}}).mismatch(answer),
            "JSON field /auth/token: *** wanted, *** seen");
  EXPECT_EQ(no_value_text(answer.body, "/auth/token"), "JSON field /auth/token: a number wanted, *** seen");
}

// What calls itself for each level of a document would use up the stack.
TEST(HttpExpectation, OfWhatIsNestedItSaysTheKindAlone) {
  const std::string deep = R"({"a": )" + std::string(400'000, '[') + std::string(400'000, ']') + "}";
  HttpAnswer answer{.status = 200, .body = deep, .header = {}};
  const HttpExpectation expected({}, "", "", {}, {{"/a", "paid"}});
  EXPECT_EQ(expected.judge(answer), "json");
  EXPECT_EQ(expected.mismatch(answer), "JSON field /a: paid wanted, an array seen");
  EXPECT_EQ(no_value_text(deep, "/a"), "JSON field /a: a number wanted, an array seen");
  EXPECT_EQ(no_value_text(R"({"a": {}})", "/a"), "JSON field /a: a number wanted, an object seen");
}

TEST(HttpExpectation, APlaceThatNoDocumentCouldHaveIsNotThere) {
  constexpr const char* kBeyond = "/q/99999999999999999999999";
  EXPECT_EQ(no_value_text(R"({"q":[1]})", kBeyond),
            "JSON field " + std::string(kBeyond) + ": a number wanted, no such field seen");
  EXPECT_FALSE(value_in(R"({"q":[1]})", kBeyond));
  HttpAnswer answer{.status = 200, .body = R"({"q":[1]})", .header = {}};
  EXPECT_EQ(HttpExpectation({}, "", "", {}, {{kBeyond, "1"}}).judge(answer), "json");
}

}  // namespace
}  // namespace faultline::probe
