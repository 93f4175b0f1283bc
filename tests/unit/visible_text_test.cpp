// Strangers' text on its way out: what visible() makes of every kind of character, that the files of a run stay valid
// whatever its names and errors are, and that there is one way to the terminal.
#include "injector/base/visible_text.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <pugixml.hpp>
#include <random>
#include <set>

#include "injector/plan/parse.h"
#include "injector/report/compare.h"
#include "injector/report/derive.h"
#include "injector/report/junit.h"
#include "injector/report/report.h"
#include "injector/report/summary.h"
#include "tests/unit/record_fixture.h"
#include "tests/unit/say.h"
#include "tests/unit/test_names.h"

namespace faultline {
namespace {

using nlohmann::json;

/// What must not be written as it is, each behind the name that it should get.
const std::vector<std::pair<std::string, std::string>> kInvisible = {
    {"\\u0000", std::string(1, '\0')},
    {"\\u0007", "\x07"},
    {"\\u001b", "\x1b"},
    {"\\u007f", "\x7f"},
    {"\\r", "\r"},
    {"\\u0085", "\xc2\x85"},
    {"\\u009b", "\xc2\x9b"},
    {"\\u00ad", "\xc2\xad"},
    {"\\u061c", "\xd8\x9c"},
    {"\\u200b", "\xe2\x80\x8b"},
    {"\\u200e", "\xe2\x80\x8e"},
    {"\\u200f", "\xe2\x80\x8f"},
    {"\\u2028", "\xe2\x80\xa8"},
    {"\\u2029", "\xe2\x80\xa9"},
    {"\\u202a", "\xe2\x80\xaa"},
    {"\\u202e", "\xe2\x80\xae"},
    {"\\u2066", "\xe2\x81\xa6"},
    {"\\u2069", "\xe2\x81\xa9"},
    {"\\ufeff", "\xef\xbb\xbf"},
    {"\\ufdd0", "\xef\xb7\x90"},
    {"\\ufffe", "\xef\xbf\xbe"},
    {"\\uffff", "\xef\xbf\xbf"},
    {"\\U000e0041", "\xf3\xa0\x81\x81"},
    {"\\U0010ffff", "\xf4\x8f\xbf\xbf"},
    {"\\xff", "\xff"},
    {"\\xc0\\xaf", "\xc0\xaf"},                    // overlong
    {"\\xed\\xa0\\x80", "\xed\xa0\x80"},           // a surrogate
    {"\\xf5\\x80\\x80\\x80", "\xf5\x80\x80\x80"},  // beyond Unicode
    {"\\xe2\\x82", "\xe2\x82"},                    // cut short
};

/// Texts that people write and services answer, the worst of each kind.
std::vector<std::string> nasty() {
  std::vector<std::string> all = {"plain",
                                  "",
                                  " ",
                                  "\"quotes\" & <tags> 'too' ]]> --> &#0;",
                                  "</script><script>alert(1)</script>",
                                  "支付 🚒 👨‍👩‍👧",
                                  "עברית",
                                  "مرحبا",
                                  "a\nb\tc",
                                  std::string(65536, 'x'),
                                  "\\u202e",
                                  "%s%n{}{0}",
                                  "..",
                                  "/etc/passwd",
                                  "\x1b]0;pwned\x07",
                                  "\x1b[31mred\x1b[0m",
                                  "x\x1b\\",
                                  "\x9b"
                                  "31m"};
  for (std::size_t i = 0; i < kInvisible.size(); i++) {  // some at a time: each costs all files of a run
    if (i % 6 == 0) all.push_back("a");
    all.back() += kInvisible[i].second + "b";
  }
  return all;
}

bool only_our_colours(const std::string& bytes) {
  std::string rest;
  for (std::size_t i = 0; i < bytes.size();) {
    if (bytes[i] != '\x1b') {
      rest += bytes[i++];
      continue;
    }
    const auto end = bytes.find('m', i);
    if (end == std::string::npos || bytes.compare(i, 2, "\x1b[") != 0) return false;
    const std::string style = bytes.substr(i + 2, end - i - 2);
    if (!std::set<std::string>{"0", "1", "2", "31", "32", "33", "1;31", "1;32", "1;33"}.contains(style)) return false;
    i = end + 1;
  }
  std::erase(rest, '\n');
  return find_invisible(rest) == std::string::npos;
}

TEST(VisibleText, WritesOutWhatCannotBeSeen) {
  for (const auto& [shown, raw] : kInvisible) {
    EXPECT_EQ(visible("a" + raw + "b"), "a" + shown + "b");
    EXPECT_NE(find_invisible("a" + raw + "b"), std::string::npos) << shown;
  }
  for (const char* fine : {"plain", "支付 é ±µ·", "👨‍👩‍👧 می‌خواهم", "עברית", "a\\b"})
    EXPECT_EQ(visible(fine), fine);
  EXPECT_EQ(visible("a\nb\tc"), "a\\nb\\tc");
  EXPECT_EQ(visible_lines("a\nb\tc\r\x1b"), "a\nb\tc\\r\\u001b");
}

TEST(VisibleText, OfAnyBytesIsVisible) {
  std::mt19937 random(1);
  for (int i = 0; i < 20000; i++) {
    std::string text;
    for (int n = static_cast<int>(random() % 24); n > 0; n--) {
      static const char* const kHeads[] = {"\xe2\x80", "\xf0\x9f", "\xef\xbf", "\x1b[", "\xc2", "\xed\xa0", "ab"};
      if (random() % 3 == 0) text += kHeads[random() % std::size(kHeads)];
      text += static_cast<char>(random());
    }
    EXPECT_EQ(find_invisible(visible(text)), std::string::npos);
    EXPECT_EQ(visible(visible(text)), visible(text));
    const std::string dumped = json(text).dump(-1, ' ', false, json::error_handler_t::replace);
    const std::string shown = visible_json(dumped);
    EXPECT_EQ(find_invisible(shown), std::string::npos);
    EXPECT_EQ(json::parse(shown), json::parse(dumped));
    EXPECT_LE(bounded(text, 10).size(), 13u);
    EXPECT_EQ(find_invisible(bounded(text, 10)), std::string::npos);
  }
}

TEST(VisibleText, OurOwnColoursAreTheOnlyEscapes) {
  const Visible red = Visible::painted("31", "a\x1b[0mb");
  EXPECT_EQ(red.bytes(), "\x1b[31ma\\u001b[0mb\x1b[0m");
  EXPECT_EQ(shown("{}: {} {:3}\n", "x\ny", red, 7).bytes(), "x\\ny: " + red.bytes() + "   7\n");
  EXPECT_EQ(("\x1b" + red).bytes(), "\\u001b" + red.bytes());
}

record::Recording recording_of(const std::string& text) {
  auto r = record::testing::good_recording();
  std::erase_if(r.probes[0].answers, [](const auto& one) { return one.due % (kSecond / 2) != 0; });  // enough to draw
  r.name = r.title = r.host = r.kernel = r.engine = r.version = r.started_at = text;
  r.faults[0].name = r.faults[0].kind = r.faults[0].asked_text = text;
  r.faults[0].on = r.faults[0].peer = {text};
  r.probes[0].name = r.probes[0].kind = r.probes[0].subject = r.hypotheses[0].probe = text;
  for (auto& answer : r.probes[0].answers) answer.error = r.probes[0].error_index(text + "e");
  r.hypotheses[0].name = r.hypotheses[0].during = text;
  r.warnings = {{text}};
  r.repeat = {"faultline", "run", text};
  r.vars[text] = text;
  r.notes.push_back({kSecond, text, text, text});
  r.troubles.push_back({Exit::aborted, text});
  r.cleanup = record::Cleanup{false, {text}};
  r.stop = record::Stop{text, text, kSecond};
  r.services.push_back({kSecond, {text, text, text}});
  return r;
}

TEST(StrangersText, EveryFileOfARunIsValidWhateverItsNames) {
  for (const auto& text : nasty()) {
    const std::string label = visible(text.substr(0, 40));
    const auto r = recording_of(text);
    report::Outcome outcome;
    outcome.summary = report::summarize(r, record::judge(r));
    const report::Summary& summary = outcome.summary;

    const std::string dumped =
        visible_json(record::to_json(summary).dump(2, ' ', false, json::error_handler_t::replace));
    EXPECT_FALSE(json::parse(dumped, nullptr, false).is_discarded()) << label;
    const std::string junit = report::junit_xml(summary), html = report::render_report(r, summary);
    pugi::xml_document document;
    EXPECT_TRUE(document.load_string(junit.c_str(), pugi::parse_full)) << label;
    std::string bodies = dumped + junit + html;
    std::erase_if(bodies, [](char c) { return c == '\n' || c == '\t'; });
    const auto at = find_invisible(bodies);
    EXPECT_EQ(at, std::string::npos) << label << ": " << visible(bodies.substr(std::min(at, bodies.size()), 60));
    EXPECT_EQ(html.find("<script>", html.find("<script>") + 1), std::string::npos) << label << ": but for our own";
    EXPECT_EQ(html.find("<tags>"), std::string::npos) << label;

    for (const bool color : {false, true})
      EXPECT_TRUE(only_our_colours(report::render_outcome(outcome, text, color).bytes())) << label;
    const auto compared = report::compare({{summary, {}, {}, {}}}, {{summary, {}, {}, {}}});
    EXPECT_TRUE(only_our_colours(report::render_comparison(compared).bytes())) << label;
  }
}

// What the command says has no character that is invisible; `shown` names the case.
void expect_visible(const std::vector<std::string>& words, const std::string& shown) {
  const auto said = cli::say(words);
  std::string all = said.out + said.error;
  std::erase_if(all, [](char c) { return c == '\n' || c == '\t'; });
  const auto at = find_invisible(all);
  EXPECT_EQ(at, std::string::npos) << words[0] << " " << shown << ": "
                                   << visible(all.substr(std::min(at, all.size()), 40));
}

TEST(StrangersText, APlanOfAnyTextIsReadWithoutARawCharacter) {
  const test::TemporaryFolder folder;
  const auto plan_of = [&](const std::string& text) {
    return folder.write("p.toml", "title = \"a" + text + "b\"\n[targets.a]\nnetns = \"/no" + text +
                                      "where\"\n[probes.p]\nexec = [\"x" + text +
                                      "y\"]\nfrom = \"here\"\n[[faults]]\nname = \"f" + text +
                                      "g\"\nkind = \"sever\"\non = \"a\"\nstart = \"1s\"\nfor = "
                                      "\"1s\"\n[[hypotheses]]\nprobe = \"p\"\nduring = \"f" +
                                      text + "g\"\nsuccess = \"<= 1%\"\n");
  };
  std::string escaped, word;  // all of them: as TOML has them, where it can, and as words of a command line
  for (const auto& [shown, raw] : kInvisible) {
    const bool nul = raw.find('\0') != std::string::npos;  // refused by itself, below
    if (!nul && (shown.starts_with("\\u") || shown.starts_with("\\U"))) escaped += shown;
    if (!nul) word += raw + "i";
    const auto plan = plan_of(raw);  // TOML refuses most of them, each at its place
    for (const auto& words : std::vector<std::vector<std::string>>{{"check", plan}, {"check", "--json", plan}})
      expect_visible(words, shown);
  }
  for (const std::string& text : {escaped, std::string("\\u202e"), std::string("\\u0000")}) {
    const auto plan = plan_of(text);
    for (const auto& words : std::vector<std::vector<std::string>>{
             {"check", plan}, {"explain", plan}, {"check", "--json", plan}, {"explain", "--json", plan}})
      expect_visible(words, text);
  }
  const auto plan = plan_of("");
  for (const auto& words : std::vector<std::vector<std::string>>{{"check", "no" + word},
                                                                 {"report", "no" + word},
                                                                 {"check", "--var", "x" + word + "=1", plan},
                                                                 {word + "x"},
                                                                 {"check", "--" + word + "x", plan}})
    expect_visible(words, "a word");
}

TEST(StrangersText, AFileThatAPlanNamesIsNotShown) {
  const test::TemporaryFolder folder;
  const std::string secret = "root:x:0:0:5ecret:/root:/bin/sh\nbob:hunter2,17,x\n12 fourteen\n";
  folder.write("secret", secret);
  const std::string head = "[targets.a]\nnetns = \"a\"\n[[faults]]\non = \"a\"\nstart = \"1s\"\nfor = \"2s\"\n";
  for (const std::string fault : {"kind = \"trace\"\nfile = \"secret\"\n",
                                  "kind = \"degrade\"\ndelay = \"5ms\"\njitter = \"2ms\"\ndistribution = "
                                  "\"table\"\ntable = \"secret\"\n"}) {
    const auto plan = folder.write("p.toml", head + fault);
    for (const auto& words : std::vector<std::vector<std::string>>{
             {"check", plan}, {"check", "--json", plan}, {"explain", plan}, {"run", plan}}) {
      const auto said = cli::say(words);
      EXPECT_EQ(said.status, 3) << said.out;
      const std::string all = said.out + said.error;
      for (const char* part : {"root", "5ecret", "bob", "hunter", "fourteen", ":x:"})
        EXPECT_EQ(all.find(part), std::string::npos) << words[0] << ": " << part << "\n" << all;
      EXPECT_NE(all.find("secret"), std::string::npos) << all;
    }
  }
}

TEST(StrangersText, OnlyRegularFilesOfAPlanAreRead) {
  const std::string head =
      "[targets.a]\nnetns = \"a\"\n[[faults]]\non = \"a\"\nstart = \"1s\"\nfor = \"2s\"\nkind = \"trace\"\nfile = ";
  const test::TemporaryFolder folder;
  const auto pipe = folder.path() / "pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  for (const std::string& file : {pipe.string(), std::string("/dev/zero"), std::string("/dev/null"),
                                  std::string("/dev/tty"), folder.path().string()}) {
    const auto said = cli::say({"check", folder.write("p.toml", head + "\"" + file + "\"\n")});
    EXPECT_EQ(said.status, 3);
    EXPECT_NE(said.error.find("not a regular file"), std::string::npos) << file << said.error;
  }
}

// Whoever prints in another way gets round visible().
TEST(StrangersText, HasOneWayOut) {
  namespace fs = std::filesystem;
  const std::vector<std::string> kWays = {"fmt::print(", "std::cout", "std::cerr", "std::clog", " printf(", "fprintf(",
                                          "std::puts(",  "fputs(",    "fputc(",    "putchar(",  "fwrite(",  "perror("};
  std::size_t files = 0;
  for (const char* folder : {"injector", "faults"})
    for (const auto& entry : fs::recursive_directory_iterator(fs::path(FAULTLINE_SOURCE_DIR) / folder)) {
      const auto extension = entry.path().extension();
      if ((extension != ".cpp" && extension != ".h") || entry.path().filename() == "visible_text.cpp") continue;
      files++;
      const std::string text = test::text_of(entry.path().string());
      for (const auto& way : kWays)
        EXPECT_EQ(text.find(way), std::string::npos) << entry.path() << " prints with " << way << ": use print()";
    }
  EXPECT_GT(files, 200u);
}

}  // namespace
}  // namespace faultline
