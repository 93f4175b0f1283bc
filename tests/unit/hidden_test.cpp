// What is shown of a plan's text holds no secret: in the line of a mistake, in its message, in what CI is told, in the
// report; and the mark stays where it belongs.
#include "injector/plan/hidden.h"

#include <gtest/gtest.h>

#include "injector/report/checked_plan.h"
#include "tests/unit/plan_support.h"

namespace faultline::plan {
namespace {

std::string whole(const std::string& text, Text kind) {
  return without_hidden(text, {0, text.size()}, hidden_in(text, kind));
}

/// Of a line that is shown because of a mistake in it, or in another part of it.
std::string line(const std::string& text) { return whole(text, Text::refused); }

TEST(Hidden, TheValueOfAKeyThatAnnouncesASecretWhateverIsWrongWithIt) {
  for (const char* text : {
           "password = \"hunter2",
           "password = hunter2\"",
           "password = hunter2",
           "password = 'hunter2",
           "password = \"hun\"hunter2\"",
           "password = 'it's hunter2'",
           "password = \"a\", \"hunter2\"",
           "password = \"a\"}hunter2\"",
           "password = \"a\"#hunter2\"",
           "password = \"\\x hunter2\"",
           "password = \u201chunter2\u201d",
           "password == \"hunter2\"",
           "password : \"hunter2\"",
           "password \"hunter2\"",
           "password hunter2",
           "pass word = \"hunter2\"",
           "pasword = \"hunter2",
           "pwd = \"hunter2",
           "\"password\" = \"hunter2",
           "password = [\"hunter2\", \"a\"",
           "password = { a = \"hunter2\" }",
           "password = \"\"\"hunter2",
           "m = { mqtt = \"b:1\", username = \"u\", password = \"hunter2 }",
           "m = { mqtt = \"b:1, username = \"u\", password = \"hunter2\" }",
           "headers = { Authorization = \"Bearer hunter2 }",
           "headers = { Authorization = \"Bearer hunter2, A = \"x\" }",
           "headers = { A = \"x, Authorization = \"Bearer hunter2\" }",
           "headers = { A = x\", Authorization = \"Bearer hunter2\" }",
           "headers = { \"X-Api-Key\" = \"hunter2\", A = 1 }",
           "headers.Authorization = \"Bearer hunter2",
           "exec = [\"curl\", \"-H\", \"Cookie: a=b; s=hunter2\", 1]",
           "exec = [\"mysql\", \"--password=hunter2\", 1]",
           "exec = [\"mysql\", \"--password\", \"hunter2\", 1]",
           "exec = ['mysql', '--password' , 'hunter2'",
           "tokne = \"hunter2\"",
           "apikye = \"hunter2\"",
           "headers = { \"X-Api-Kye\" = \"hunter2\", A = 1 }",
           "body = \"{\\\"token\\\": \\\"hunter2\\\"}\" x",
           "body = '{\"token\": \"hunter2\"}' x",
           "every = 7 # password = \"hunter2\"",
           "every = 7 # Authorization: Bearer hunter2",
           "mysql = \"mysql://app:x\"hunter2@db/shop\"",
           "mysql = mysql://app:hunter2@db/shop",
           "mqtt = \"app:hunter2@broker:1883\"",
           "http = [\"http://a:hunter2@b/\", \"http://a:hunter2@b/\"]",
           "http = \"http://b/?password=hunter2&x",
       }) {
    EXPECT_EQ(line(text).find("hunter2"), std::string::npos) << line(text);
    EXPECT_NE(line(text).find("***"), std::string::npos) << line(text);
  }
}

TEST(Hidden, NothingElse) {
  for (const char* text : {"every = \"50ms\"", "title = \"Passwords and secrets\"", "[probes.token]", "[[secrets]]",
                           "http = \"http://10.0.0.1:8080/pay\"", "postgresql = \"postgresql://app@db:5432/shop\"",
                           "after = [\"password\", 1]", "broken = 1", "second = 'x", "record = 1", "duration = \"10s",
                           "exec = [\"a\", \"--password-file\", \"f\", 1]", "exec = [\"a\", \"--password\", \"-u\", 1]",
                           "password = ", "password", ""})
    EXPECT_EQ(line(text), text);
  EXPECT_EQ(line("m = { password = \"x\", evry = 7 }"), "m = { password = \"***\", evry = 7 }");
  EXPECT_EQ(line("password = 'x' # as in the vault"), "password = '***' # as in the vault");
  EXPECT_EQ(line("password = 5\nevery = 7"), "password = ***\nevery = 7");
}

TEST(Hidden, AValueOfSeveralLines) {
  EXPECT_EQ(line("password = \"\"\"\nhunter2\nhunter2\"\"\"\nevery = 7"), "password = \"\"\"***\"\"\"\nevery = 7");
  EXPECT_EQ(line("tokens = [\n  \"hunter2\", # ]\n  'hunter2]',\n]\nevery = 7"), "tokens = [***]\nevery = 7");
  const std::string text = "a = 1\npassword = '''\nhunter2\n'''\nb = 2\n";
  EXPECT_EQ(without_hidden(text, line_at(text, text.find("hunter2")), hidden_in(text, Text::refused)), "***");
  // A string that is not closed swallows what follows: the secrets in it are found all the same.
  EXPECT_EQ(line("body = \"\"\" {\npassword = \"hunter2\"\nevery = 7"), "body = \"\"\" {\npassword = ***\nevery = 7");
}

TEST(Hidden, OfASoundPlanNoMoreThanTheSecret) {
  EXPECT_EQ(whole("m = { token = 5, b = 1 }", Text::sound), "m = { token = ***, b = 1 }");
  EXPECT_EQ(whole("exec = [\"sh\", \"-c\", \"PGPASSWORD=x psql -h db\"]", Text::sound),
            "exec = [\"sh\", \"-c\", \"PGPASSWORD=*** psql -h db\"]");
  EXPECT_EQ(whole("exec = [\"curl\", \"-H\", \"Authorization: Bearer x\", \"u\"]", Text::sound),
            "exec = [\"curl\", \"-H\", \"Authorization: ***\", \"u\"]");
  EXPECT_EQ(whole("body = '{\"token\": \"x y\", \"b\": 1}'", Text::sound), "body = '{\"token\": \"***\", \"b\": 1}'");
  EXPECT_EQ(whole("http = \"http://b:80/a:b@c\"\nredis = \"redis://a:x@b\"", Text::sound),
            "http = \"http://b:80/a:b@c\"\nredis = \"redis://a:***@b\"");
}

TEST(Hidden, WhatAClientTakesAsItsPassword) {
  for (const auto& [text, shown] : std::initializer_list<std::pair<const char*, const char*>>{
           {R"(exec = ["curl", "-fsSu", "bob:hunter2", "http://b/"])",
            R"(exec = ["curl", "-fsSu", "bob:***", "http://b/"])"},
           {R"(exec = ["timeout", "5", "/usr/bin/redis-cli", "-a", "hunter2", "PING"])",
            R"(exec = ["timeout", "5", "/usr/bin/redis-cli", "-a", "***", "PING"])"},
           {R"(exec = ["mysql", "-phunter2", "shop", "-e", "select 1"])",
            R"(exec = ["mysql", "-p***", "shop", "-e", "select 1"])"},
           {R"(exec = ["mysql", "-p", "shop"])", R"(exec = ["mysql", "-p", "shop"])"},
           {R"(exec = ["sh", "-c", "curl -u bob:hunter2 b | sshpass -p hunter2 ssh -p 22 c"])",
            R"(exec = ["sh", "-c", "curl -u bob:*** b | sshpass -p *** ssh -p 22 c"])"},
           {R"(exec = ["sh", "-c", "set -e\ncurl -s \\\n -u \"bob:pass phrase\" b"])",
            R"(exec = ["sh", "-c", "set -e\ncurl -s \\\n -u \"bob:***\" b"])"},
           {R"(# try: curl -u bob:hunter2 b)", R"(# try: curl -u bob:*** b)"},
           {R"(redis = "c"
command = ["AUTH", "bob", "hunter2"])",
            R"(redis = "c"
command = ["AUTH", "***", "***"])"},
           {R"(command = ["HELLO", "3", "AUTH", "default", "hunter2", "SETNAME", "probe"])",
            R"(command = ["HELLO", "3", "AUTH", "default", "***", "SETNAME", "probe"])"},
           {R"(on = ["AUTH", "sms"])", R"(on = ["AUTH", "sms"])"},
           {R"(command = ["auth", "--port", "80"])", R"(command = ["auth", "--port", "80"])"},
           {R"(exec = ["ssh", "-p", "22", "curl"])", R"(exec = ["ssh", "-p", "22", "curl"])"},
       })
    for (const Text kind : {Text::sound, Text::refused}) EXPECT_EQ(whole(text, kind), shown);
}

TEST(Hidden, AHintShowsHowAUrlIsWritten) {
  const auto parsed = parse_text("[probes.p]\nmysql = \"nonsense\"\n", "p.toml");
  ASSERT_FALSE(parsed.ok());
  EXPECT_NE(parsed.diagnostics[0].hint.find("USER:PASSWORD@"), std::string::npos) << parsed.diagnostics[0].hint;
}

TEST(Hidden, ItsWordsAreWhatAnotherTextMayRepeat) {
  EXPECT_EQ(hidden_words("password = \"hunter2\"\ntoken = ['swordfish', \"short\"]\nname = \"harmless\"\n"
                         "redis = \"redis://app:correct-horse@db\"\n"),
            (std::vector<std::string>{"hunter2", "swordfish", "correct-horse"}));
}

TEST(Hidden, AReferenceToAVariableIsNoSecretWord) {
  EXPECT_EQ(hidden_words("password = \"${password}\"\nheaders = { Authorization = \"Bearer ${service_token}\" }\n"),
            std::vector<std::string>());
}

TEST(Hidden, TheMarkGoesAlong) {
  const std::string text = "ab = 'x', password = 'hunter2', c = 1";
  const auto hidden = hidden_in(text, Text::refused);
  const auto moved = [&](std::size_t mark) {
    const std::string shown = without_hidden(text, {0, text.size()}, hidden, &mark);
    EXPECT_EQ(shown, "ab = 'x', password = '***', c = 1");
    return mark;
  };
  EXPECT_EQ(moved(0), 0u);
  EXPECT_EQ(moved(21), 21u) << "the quote before it";
  EXPECT_EQ(moved(25), 22u) << "within: where the mask begins";
  EXPECT_EQ(moved(29), 25u) << "the quote behind it";
  EXPECT_EQ(moved(text.size()), text.size() - 4);
}

TEST(Hidden, AMistakeIsShownWithoutThemWhereverItIsTold) {
  for (const char* text : {
           "[probes.m]\nmqtt = \"b:1883\"\ntopic = \"t\"\nusername = \"u\"\npassword = \"hunter2\n",
           "[probes.m]\nmqtt = \"b:1883\"\ntopic = \"t\"\npassword = \"hunter2\"\n",
           "[probes.m]\nmqtt = \"b:1883\"\ntopic = \"t\"\npasword = \"hunter2\"\n",
           "[probes.m]\nmqtt = \"u:hunter2@b:1883\"\ntopic = \"t\"\n",
           "[probes.m]\nhttp = \"http://b/\"\nheaders = { Authorization = \"Bearer hunter2\", A = 1 }\n",
           "[vars]\ndb_password = \"hunter2\"\n[probes.m]\nhttp = \"http://b/\"\nevery = \"${db_password}\"\n",
           "[lab.rooms.r]\n[lab.hosts.h]\nroom = \"r\"\ncommand = [\"x\"]\nready = { http = \"ftp://u:hunter2@b/\" }\n",
           "password = 99999999999999999999\n",
       }) {
    const auto parsed = parse(text);
    ASSERT_FALSE(parsed.ok()) << text;
    report::CheckedPlan found{"p.toml", parsed.diagnostics, {}, render(parsed)};
    for (const std::string& told : {render(parsed), report::github_annotations(found), report::junit_xml({found}),
                                    parsed.diagnostics[0].message + parsed.diagnostics[0].hint}) {
      EXPECT_EQ(told.find("hunter2"), std::string::npos) << told;
      EXPECT_EQ(told.find("999999"), std::string::npos) << told;
    }
  }
  const std::string shown = render(parse("[probes.m]\nmqtt = \"b:1883\"\npassword = \"hunter2\n"));
  EXPECT_NE(shown.find(":3:"), std::string::npos) << shown;
  EXPECT_NE(shown.find("    password = \"***\n                   ^\n"), std::string::npos) << shown;
}

TEST(Hidden, AMessageIsWhatItWasWhereItHoldsNone) {
  for (const char* message :
       {"fault \"f\": \"web@1\" is there twice", "unit: \"web@.service\" is not the name of a unit",
        "mqtt: \"broker\" is not a host and a port"})
    EXPECT_EQ(without_passwords_of_refused(message), message);
  EXPECT_EQ(without_passwords_of_refused("mqtt: \"u:hunt\"er2@b:1\" is no host"), "mqtt: \"u:***@b:1\" is no host");
}

TEST(Hidden, ALongSecretIsFoundByItsBeginning) {
  const std::string secret = "Zx" + std::string(100, 'q') + "hunter2";
  const auto parsed =
      parse("[vars]\napi_token = \"" + secret + "\"\n[probes.m]\nhttp = \"http://b/\"\nevery = \"${api_token}\"\n");
  ASSERT_EQ(parsed.diagnostics.size(), 1u);
  EXPECT_EQ(parsed.diagnostics[0].message.find("qqq"), std::string::npos) << parsed.diagnostics[0].message;
}

TEST(Hidden, TheWorkGrowsWithTheText) {
  // Each would take hours if something was looked for anew at each place.
  constexpr int kMany = 50'000;
  for (const std::string part :
       {"password=\"a\",", "a://b:c ", "\"a://b:c", "password = [", "password=\"a\"#", "\"\"\"", "a:b@", "token\n",
        "https://x/\n", "\\\"token\\\":", "password='", "a=\"x://y\" "}) {
    std::string text;
    text.reserve(part.size() * kMany);
    for (int i = 0; i < kMany; ++i) text += part;
    for (const Text kind : {Text::sound, Text::refused}) {
      const auto hidden = hidden_in(text, kind);
      for (std::size_t i = 1; i < hidden.size(); ++i) ASSERT_LE(hidden[i - 1].end, hidden[i].begin);
      (void)without_hidden(text, {0, text.size()}, hidden);
    }
  }
}

}  // namespace
}  // namespace faultline::plan
