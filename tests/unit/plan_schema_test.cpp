// The JSON Schema of the plan language, tried with a validator as an editor would: it takes what the parser takes, and
// refuses what the parser refuses where one table shows it.
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validation_results.hpp>
#include <valijson/validator.hpp>

#include <filesystem>
#include <regex>

#include "injector/plan/document.h"
#include "injector/plan/outline.h"
#include "injector/plan/schema.h"
#include "injector/plan/values.h"
#include "tests/unit/plan_support.h"
#include "tests/unit/say.h"
#include "tests/unit/test_names.h"

namespace faultline::plan {
namespace {

using nlohmann::json;

json as_json(const Node& node) {
  switch (node.type) {
    case Node::Type::string:
      return node.text;
    case Node::Type::integer:
      return node.integer;
    case Node::Type::boolean:
      return node.boolean;
    case Node::Type::real:
      return 0.5;
    case Node::Type::date:
      return nullptr;
    case Node::Type::array: {
      json array = json::array();
      for (const auto& item : node.items) array.push_back(as_json(item));
      return array;
    }
    case Node::Type::table:
      break;
  }
  json table = json::object();
  for (const auto& entry : node.entries) table[entry.key] = as_json(entry.value);
  return table;
}

/// What the schema has against a plan; empty: nothing.
std::string objection(const std::string& text) {
  static const auto compiled = [] {
    auto made = std::make_unique<valijson::Schema>();
    const json document = json::parse(schema().dump());
    valijson::SchemaParser parser;
    parser.populateSchema(valijson::adapters::NlohmannJsonAdapter(document), *made);
    return made;
  }();
  std::vector<Diagnostic> syntax;
  const json plan = as_json(read_document(text, syntax));
  EXPECT_TRUE(syntax.empty()) << text;
  valijson::Validator validator;
  valijson::ValidationResults results;
  if (validator.validate(*compiled, valijson::adapters::NlohmannJsonAdapter(plan), &results)) return {};
  std::string all;
  for (valijson::ValidationResults::Error error; results.popError(error);) {
    for (const auto& part : error.context) all += part;
    all += ": " + error.description + "\n";
  }
  return all;
}

TEST(PlanSchema, TakesEveryShippedPlan) {
  int plans = 0;
  for (const auto& file : std::filesystem::directory_iterator(FAULTLINE_SOURCE_DIR "/experiments")) {
    if (file.path().extension() != ".toml") continue;
    plans++;
    EXPECT_EQ(objection(test::text_of(file.path())), "") << file.path();
  }
  EXPECT_GT(plans, 5);
}

/// A line for `key`, and for those without which its kind cannot be.
template <class Keys>
std::string lines_for(std::string_view key, const Keys& keys, bool (*required)(const typename Keys::value_type&)) {
  std::string lines;
  for (const auto& one : keys)
    if (one.name == key || required(one)) lines += std::string(one.name) + " = " + std::string(one.example) + "\n";
  return lines;
}

TEST(PlanSchema, TakesAnExampleOfEveryKeyOfEveryKind) {
  for (const auto& kind : faults::catalogue())
    for (const auto& key : kind.keys) {
      const std::string plan = "[[faults]]\nkind = \"" + std::string(kind.name) +
                               "\"\non = \"a\"\nstart = \"1s\"\nfor = \"1s\"\n" +
                               lines_for(key.name, kind.keys, [](const faults::Key& one) { return one.required; });
      EXPECT_EQ(objection(plan), "") << plan;
    }
  for (const auto& kind : probe::catalogue())
    for (const auto& key : kind.keys) {
      const std::string plan = "[probes.p]\n" + std::string(kind.name()) + " = " + std::string(kind.subject.example) +
                               "\n" + lines_for(key.name, kind.keys, [](const probe::Key&) { return false; });
      EXPECT_EQ(objection(plan), "") << plan;
    }
}

TEST(PlanSchema, TakesWhatTheParserTakes) {
  for (const std::string text : {
           "[vars]\nd = \"3s\"\n[arms.a]\nd = \"4s\"\nexpect = [\"fails: x\"]\n",
           "[vars]\nd = \"3s\"\n[[faults]]\nkind = \"sever\"\non = \"shop\"\nstart = \"${d}\"\nfor = \"run\"\nmode = "
           "\"${d}\"\n",
           "duration = { true = \"79m\", scaled = \"1m30s\" }\nseed = 7\ntelemetry = \"shop\"\n",
           "[targets.a]\npid = 17\n[targets.b]\npid = \"${p}\"\n[targets.c]\naddress = [\"::1\", \"10.0.0.0/8\"]\nport "
           "= [80, "
           "\"8000-8080, 9\"]\n",
           "[[hypotheses]]\nprobe = \"p\"\nsuccess = \" >= 99.5 % \"\nok.p99 = \"<= 2x baseline\"\nerrors.timeout = "
           "\"= 0\"\n"
           "errors.\"status 503\" = \"<= 0.1%\"\nthroughput = \">= 10/s\"\nafter = \"5s\"\neventually = \"1s500ms\"\n",
           "[[guards]]\nprobe = \"p\"\nfor = \"10s\"\nfailures = \"> 3\"\n",
           "[telemetry]\nof = [\"shop\"]\nturns = true\npeers = 3\n[[hypotheses]]\ntelemetry = \"shop\"\npeer = "
           "\"bank\"\n"
           "retransmits = \"<= 20/s\"\nbytes.sent = \">= 0.5x baseline\"\nrtt.p99 = \"<= 80ms\"\nerrors.refused = \"= "
           "0\"\n",
           "[lab.rooms.east]\n[lab.hosts.web]\nroom = \"east\"\ncommand = [\"nginx\"]\nenv = { A = \"b\" }\nready = { "
           "tcp = 80, "
           "within = \"3s\" }\n[lab.links.l]\nbetween = [\"east\", \"west\"]\ndelay = \"2ms\"\n",
       })
    EXPECT_EQ(objection(text), "") << text;
}

// Each is one of the parser's mistakes as well.
TEST(PlanSchema, RefusesTheParsersMistakes) {
  const std::string fault = "[targets.a]\nnetns = \"a\"\n[[faults]]\non = \"a\"\nstart = \"1s\"\nfor = \"2s\"\n";
  for (const std::string& text : std::vector<std::string>{
           kSmall + "[targt.x]\nnetns = \"a\"\n",
           "title = 5\n" + kSmall,
           "seed = -1\n" + kSmall,
           "duration = \"60\"\n" + kSmall,
           "duration = { true = \"1s\" }\n" + kSmall,
           kSmall + "dellay = \"1ms\"\n",
           kSmall + "loss = \"0.1\"\n",
           kSmall + "jitter = 10\n",
           kSmall + "distribution = \"normall\"\n",
           kSmall + "rate = \"10mb\"\n",
           kSmall + "direction = \"egres\"\n",
           kSmall + "down = \"1s\"\n",  // a flap's
           kSmall + "profile = [{ delay = \"1ms\" }]\n",
           fault + "kind = \"degrde\"\ndelay = \"1ms\"\n",
           fault + "delay = \"1ms\"\n",
           fault + "kind = \"sever\"\nmode = 1\n",
           "[targets.a]\nnetns = \"a\"\nprotocol = \"TCP\"\n" + kSmall,
           "[targets.a]\nnetns = \"a\"\nport = 70000\n" + kSmall,
           "[targets.a]\npid = 0\n" + kSmall,
           "[probes.p]\nevery = \"50ms\"\n",
           "[probes.p]\nicmp = \"::1\"\nhttp = \"http://a/\"\n",
           "[probes.p]\nicmp = \"::1\"\nexpect.status = 200\n",
           "[probes.p]\nexec = \"curl x\"\n",
           "[probes.p]\nhttp = \"http://a/\"\nexpect.status = \"200\"\n",
           kSmall + "[[hypotheses]]\nprobe = \"pay\"\nsuccess = \"99%\"\n",
           kSmall + "[[hypotheses]]\nprobe = \"pay\"\np99 = \"= 5ms\"\n",
           kSmall + "[[hypotheses]]\nprobe = \"pay\"\nrequests = \"<= 2x baseline\"\n",
           kSmall + "[[hypotheses]]\nsuccess = \">= 99%\"\n",
           kSmall + "[[hypotheses]]\nprobe = \"pay\"\ntelemetry = \"shop\"\nretransmits = \"= 0\"\n",
           kSmall + "[[hypotheses]]\ntelemetry = \"shop\"\nretransmits = \"<= 2%\"\n",
           "telemetry = { turns = 1 }\n" + kSmall,
           kSmall + "[[guards]]\nprobe = \"pay\"\nfor = \"5s\"\nrequests.p99 = \"> 1s\"\n",
           kSmall + "[hypotheses]\nprobe = \"pay\"\n",
           kSmall + "[lab]\nrooms = [\"east\"]\n",
           kSmall + "[tolerance]\npackets = \"1\"\n",
       }) {
    EXPECT_NE(objection(text), "") << text;
    EXPECT_FALSE(parse(text).ok()) << text;
  }
}

/// Reports each key that the parser asks for without saying what its value may be.
void expect_forms(const Outline& outline, const std::string& path) {
  for (const auto& [name, key] : outline.keys()) {
    const std::string whole = path + "." + name;
    EXPECT_TRUE(!key.forms.empty() || (name.empty() && key.inner))
        << whole << ": the parser takes this key by take(); say beside it what it may be, by Table::takes…()";
    if (key.inner) expect_forms(*key.inner, whole);
  }
}

TEST(PlanSchema, EveryKeyThatTheParserAsksForHasAForm) { expect_forms(outline(), "plan"); }

/// Every reader of the plan language has a pattern, and each text that it reads matches.
template <class T>
void expect_match(Read<T> (*read)(std::string_view), const std::vector<std::string>& texts) {
  const std::string pattern(pattern_of(read));
  ASSERT_NE(pattern, "");
  const std::regex whole("^(" + pattern + ")$");
  int refused = 0;
  for (const auto& text : texts) {
    const bool matches = std::regex_search(text, whole);
    if (read(text).value)
      EXPECT_TRUE(matches) << text << " by " << pattern;
    else
      refused += matches ? 0 : 1;
  }
  EXPECT_GT(refused, 0) << pattern << " takes everything";
}

TEST(PlanSchema, APatternMatchesWhatItsReaderReads) {
  const std::vector<std::string> numbers{"0", "1", "10", "1.5", "0.001", "1.", ".5", "007", "1e3", "-1", ""};
  const std::vector<std::string> units{"",      "%",    " %",    "ns",         "us",        "\u00b5s",       "\u03bcs",
                                       "ms",    "s",    "m",     "h",          "d",         "s500ms",        "m30s",
                                       "h1m1s", "kbit", " mbit", "gbit",       "kB",        " MB",           "KiB",
                                       "B",     "/s",   " /s",   "x baseline", "xbaseline", " x  baseline ", ",80",
                                       "-99",   " , 7", " ",     "mbps"};
  const std::vector<std::string> comparisons{"", "<", "<= ", " >= ", ">", "=", "==", "~ "};
  std::vector<std::string> texts;
  for (const auto& comparison : comparisons)
    for (const auto& number : numbers)
      for (const auto& unit : units) texts.push_back(comparison + number + unit);
  expect_match(read_duration, texts);
  expect_match(read_probability, texts);
  expect_match(read_ratio_bound, texts);
  expect_match(read_duration_bound, texts);
  expect_match(read_count_bound, texts);
  expect_match(read_share_or_count_bound, texts);
  expect_match(read_count_or_rate_bound, texts);
  expect_match(read_throughput_bound, texts);
  expect_match(read_baseline_bound, texts);
  expect_match(read_ports, texts);
  expect_match(read_rate, texts);
  expect_match(read_queue, texts);
  expect_match(read_bytes, texts);
}

TEST(SchemaCommand, PrintsIt) {
  const auto said = cli::say({"schema"});
  EXPECT_EQ(said.status, 0);
  EXPECT_EQ(json::parse(said.out), json::parse(schema().dump()));
}

}  // namespace
}  // namespace faultline::plan
