// What a journal, a summary and the messages of a run's control socket hold is defined once: it is read back as it was
// written, and the docs list the fields that there are.
#include "injector/record/schema.h"

#include <set>
#include <sstream>

#include "injector/record/journal.h"
#include "injector/report/compare.h"
#include "injector/report/page_data.h"
#include "injector/report/summary.h"
#include "injector/run/running.h"
#include "tests/unit/field_rows.h"
#include "tests/unit/filled.h"
#include "tests/unit/record_fixture.h"
#include "tests/unit/test_names.h"

namespace faultline::record {
namespace {

using namespace testing;
using nlohmann::json;

template <class Visit>
void for_each_event(Visit visit) {
  [&]<class... Event>(std::type_identity<std::tuple<Event...>>) {
    (visit(std::type_identity<Event>()), ...);
  }(std::type_identity<events::All>());
}

/// Every field of `written` is there, and none is what it is in a struct that nobody filled.
template <class Struct>
void expect_every_field(const json& written, const std::string& of) {
  const json fresh = to_json(Struct{});
  for_each_field<Struct>([&](const auto& field) {
    SCOPED_TRACE(of + "." + field.name);
    ASSERT_TRUE(written.contains(field.name));
    EXPECT_NE(written.at(field.name), fresh.value(field.name, json()));
  });
}

TEST(Schema, EveryEventIsReadAsItWasWritten) {
  const TemporaryFolder folder;
  std::vector<json> written;
  {
    Journal journal(folder.path());
    Filler filler;
    for_each_event([&]<class Event>(std::type_identity<Event>) {
      const auto event = filler.made<Event>();
      journal.write(event);
      written.push_back(to_json(event));
      expect_every_field<Event>(written.back(), Event::event);
    });
  }
  std::istringstream lines(folder.read("journal.jsonl"));
  std::size_t i = 0;
  for_each_event([&]<class Event>(std::type_identity<Event>) {
    std::string line;
    ASSERT_TRUE(std::getline(lines, line)) << Event::event;
    const json read = json::parse(line);
    EXPECT_EQ(from_json<LineHead>(read).event, Event::event);
    EXPECT_EQ(to_json(from_json<Event>(read)), written.at(i++)) << line;
  });
}

template <class Struct>
void expect_read_as_written(const std::string& of) {
  const json written = to_json(Filler().made<Struct>());
  expect_every_field<Struct>(written, of);
  EXPECT_EQ(to_json(from_json<Struct>(json::parse(written.dump()))), written) << of;
}

TEST(Schema, EveryControlMessageIsReadAsItWasWritten) {
  expect_read_as_written<run::StopRequest>("stop");
  expect_read_as_written<run::NoteRequest>("note");
  expect_read_as_written<run::EnterRequest>("enter");
  expect_read_as_written<run::AboutAnswer>("about");
  expect_read_as_written<run::StopAnswer>("stopping");
  expect_read_as_written<run::Healed>("healed");
  expect_read_as_written<run::NoteAnswer>("noted");
  expect_read_as_written<run::EnterAnswer>("entered");
  expect_read_as_written<run::Refused>("refused");
  EXPECT_EQ(from_json<run::AboutAnswer>({{"state", "of tomorrow"}}).state, run::State::unknown);
}

TEST(Schema, EveryPlanKeyOfAFaultIsInTheJournal) {
  std::set<std::string_view> names;
  for_each_field<events::PlannedFault>([&](const auto& field) { names.insert(field.name); });
  for (const auto& key : plan::fault_keys())
    EXPECT_TRUE(names.contains(key.name)) << key.name << " is not a field of PlannedFault (plan_fields.h)";
}

TEST(Schema, ASummaryIsReadAsItWasWritten) { expect_read_as_written<report::Summary>("summary"); }

TEST(Schema, OfAnotherVersionIsReadWhatIsKnown) {
  const auto s = from_json<report::Summary>(json::parse(R"({
    "verdict": "passed", "tomorrow": {"x": 1}, "scale": null,
    "faults": [{"name": "cut", "packets_matched": 7, "applied_delay_us": {"p50": 12.5}}]})"));
  EXPECT_EQ(s.verdict, "passed");
  EXPECT_EQ(s.scale, 1);
  ASSERT_EQ(s.faults.size(), 1u);
  EXPECT_EQ(s.faults[0].matched, 7u);
  EXPECT_EQ(s.faults[0].applied_delay_us.p50, 12.5);
  EXPECT_FALSE(s.faults[0].held_us.p50);
  const auto account = from_json<faults::Account>(json::parse(R"({"asks": ["loss", "what comes later"]})"));
  ASSERT_EQ(account.asks.size(), 1u);
  EXPECT_STREQ(account.asks[0]->name, "loss");
  EXPECT_THROW(from_json<report::Summary>(json::parse(R"({"faults": {}})")), json::exception);
}

/// The rows of a page's tables that list fields: `| … | field | meaning |`.
std::vector<std::string> rows_of(const char* page) {
  std::istringstream text(test::text_of(page));
  std::vector<std::string> rows;
  bool inside = false;
  for (std::string line; std::getline(text, line);) {
    if (line.ends_with("| field | meaning |"))
      inside = true;
    else if (!line.starts_with('|'))
      inside = false;
    else if (inside && !line.starts_with("|---"))
      rows.push_back(line);
  }
  return rows;
}

void expect_rows(const char* page, const FieldRows& fields) {
  const auto rows = rows_of(page);
  EXPECT_EQ(fields.wrong, std::vector<std::string>());
  if (rows == fields.rows) return;
  for (const auto& [some, others, where] : {std::tuple{&rows, &fields.rows, "nowhere but in the page"},
                                            {&fields.rows, &rows, "not in the page, or elsewhere in it"}})
    for (std::size_t i = 0; i < some->size(); i++)
      if (i >= others->size() || some->at(i) != others->at(i)) {
        ADD_FAILURE() << page << ": this row is " << where << ":\n" << some->at(i);
        break;
      }
  std::string all;
  for (const auto& row : fields.rows) all += row + "\n";
  ADD_FAILURE() << "The rows of " << page << " must be:\n" << all;
}

FieldRows journal_rows() {
  FieldRows rows;
  rows.part<LineHead>("every line", "what it begins with");
  for_each_event([&]<class Event>(std::type_identity<Event>) { rows.event<Event>(); });
  rows.shape<events::PlannedProbe>("a probe of the plan");
  rows.shape<events::PlannedFault>("a fault of the plan");
  rows.shape<plan::AskedDelay>("what a fault asks, by quantiles");
  rows.shape<plan::Hypothesis>("a hypothesis of the plan");
  rows.shape<plan::Event>("an event of the plan");
  rows.shape<events::PlannedGuard>("a guard of the plan");
  rows.shape<plan::ValueBounds>("bounds on numbers in answers, by what they are on");
  rows.shape<plan::Conditions>("bounds, by what they are on");
  rows.shape<plan::Bound>("what a value must be within");
  rows.shape<plan::Tolerance>("share of a fault's packets that may go astray with a warning alone");
  rows.shape<PeerSpan>("connections with a peer in a time");
  rows.shape<ConnectionSpan>("connections and how long they took for what");
  rows.shape<ConnectionCounts>("TCP connections of a target, by what became of them");
  rows.shape<faults::Counts>("packets of a fault, by what became of them");
  rows.shape<faults::Undelivered>("packets of a fault that did not come back as asked, by why");
  rows.shape<faults::TimeQuantiles>("quantiles of a measured time, in µs; 0 where nothing was measured");
  rows.shape<CpuWaits>("of threads with something to do");
  rows.shape<LineStats>("of the whole run");
  rows.shape<LineStats::Urgency>("of threads that ask for a real-time class");
  return rows;
}

TEST(Schema, ABadPartDoesNotTakeTheRestAlong) {
  std::istringstream journal(
      R"({"event":"plan","name":"p","duration":5,"faults":[{"name":"a","on":[7,"x"]},{"name":"b"}],"guards":[7]}
{"event":"failure","mono":"x","exit":6,"message":"broken"}
{"event":"sample","probe":"p","latency":"x"}
{"event":"of tomorrow","mono":"x"}
{"event":"end"})");
  const auto r = read_recording(journal);
  EXPECT_EQ(r.name, "p");
  EXPECT_EQ(r.duration, 5);
  ASSERT_EQ(r.faults.size(), 2u);
  EXPECT_EQ(r.faults[0].on, std::vector<std::string>{"x"});
  EXPECT_EQ(r.faults[1].name, "b");
  EXPECT_EQ(r.troubles.size(), 1u) << "why the run failed is not lost with its clock";
  EXPECT_TRUE(r.ended);
  EXPECT_EQ(r.unreadable, 3u) << "each is told; that of a newer version is not ours to judge";
}

TEST(Schema, ANumberThatItsFieldCannotHoldIsNotReadAsAnother) {
  using json = nlohmann::json;
  const auto holds = [](auto type, const json& number) {
    decltype(type) read{};
    try {
      read_json(number, read);
    } catch (const json::exception&) {
      return false;
    }
    return read == number.get<decltype(type)>();
  };
  EXPECT_TRUE(holds(int{}, 7));
  EXPECT_TRUE(holds(int{}, -7.0));
  EXPECT_FALSE(holds(int{}, 5'000'000'000));
  EXPECT_FALSE(holds(std::int64_t{}, 1e300));
  EXPECT_FALSE(holds(std::int64_t{}, 9223372036854775808u));
  EXPECT_FALSE(holds(std::uint64_t{}, -1));
  EXPECT_FALSE(holds(std::uint64_t{}, 18446744073709551616.0));
  EXPECT_TRUE(holds(std::uint64_t{}, 18446744073709551615u));
  EXPECT_FALSE(holds(int{}, "7"));
}

TEST(Schema, AnInstantOutOfRangeIsTold) {
  std::istringstream journal(R"({"event":"plan","name":"p","duration":1e300}
{"event":"end"})");
  EXPECT_EQ(read_recording(journal).unreadable, 1u);
}

TEST(Schema, TheJournalsPageListsTheFieldsThereAre) {
  const auto rows = journal_rows();
  EXPECT_EQ(rows.described, rows.used);
  expect_rows(FAULTLINE_SOURCE_DIR "/docs/journal.md", rows);
}

TEST(Schema, TheSummarysPageListsTheFieldsThereAre) {
  FieldRows rows;
  rows.part<report::Summary>("the whole", "of a run");
  rows.shape<report::Phase>("of the run");
  rows.shape<report::Fault>("what was asked, and what was applied");
  rows.shape<report::Counts>("packets of a fault, by what became of them");
  rows.shape<report::TimeQuantiles>("quantiles of a measured time, in µs; null where nothing was measured");
  rows.shape<report::Probe>("what a probe saw");
  rows.shape<report::ProbePhase>("what a probe saw in a phase");
  rows.shape<report::Load>("what a load was to send, and what was sent");
  rows.shape<report::FailingAnswer>("what a probe was answered when it failed");
  rows.shape<report::Latency>("how long requests took");
  rows.shape<report::Quantiles>("quantiles of a time, in ms");
  rows.shape<report::Event>("a line of a log that has a name");
  rows.shape<report::SeenLine>("one of its lines");
  rows.shape<report::Telemetry>("what became of a target's connections");
  rows.shape<report::TelemetryTimes>("the same in the whole run, and in its phases");
  rows.shape<report::TelemetryPeer>("the same with one peer");
  rows.shape<report::TelemetryPhase>("the same in a phase");
  rows.shape<report::TelemetryStats>("the same in any time");
  rows.shape<report::Contention>("who waited for a CPU, a disk or memory");
  rows.shape<report::Waits>("of threads with something to do");
  rows.shape<report::Hypothesis>("what was expected, and what was observed");
  rows.shape<report::Guard>("what would have ended the run, or did");
  rows.shape<report::Note>("what somebody said");
  rows.shape<report::Abort>("why the run was stopped");
  rows.shape<events::Cleanup>("what became of what the run had put up");
  rows.shape<report::Service>("an event of a service");
  rows.shape<report::Escape>("where packets may have gone by");
  const auto journal = journal_rows();
  for (const auto& shape : rows.used)
    EXPECT_TRUE(rows.described.contains(shape) || journal.described.contains(shape) || shape == "site") << shape;
  expect_rows(FAULTLINE_SOURCE_DIR "/docs/summary.md", rows);
}

TEST(Schema, TheComparisonsPageListsTheFieldsThereAre) {
  FieldRows rows;
  rows.part<report::Comparison>("the whole", "of a comparison");
  rows.shape<report::ComparedFigure>("a figure of a probe in a phase, of all runs that count");
  rows.shape<report::Latency>("how long requests took");
  rows.shape<report::Quantiles>("quantiles of a time, in ms");
  rows.shape<report::TimeQuantiles>("quantiles of a measured time, in µs; null where nothing was measured");
  rows.part<report::Baseline>("a kept file", "made by `--keep`");
  rows.shape<report::KeptRun>("a run, as it is kept");
  rows.described.insert("summary");  // by its own page
  EXPECT_EQ(rows.described, rows.used);
  expect_rows(FAULTLINE_SOURCE_DIR "/docs/compare.md", rows);
}

TEST(Schema, ABaselineIsReadAsItWasWritten) { expect_read_as_written<report::Baseline>("baseline"); }

TEST(Schema, TheReportsDataPageListsTheFieldsThereAre) {
  FieldRows rows;
  rows.part<report::PageData>("the whole", "what the page of one run draws");
  rows.shape<report::PageLane>("a fault");
  rows.shape<report::PageMark>("what else happened");
  rows.shape<report::PageChart>("curves over time, of one unit");
  rows.shape<report::PageSeries>("one curve");
  rows.shape<report::PageBound>("a line that a hypothesis draws");
  rows.shape<report::PageRequests>("what a click lists");
  for (const auto& shape : rows.used) EXPECT_TRUE(rows.described.contains(shape) || shape == "phase") << shape;
  expect_rows(FAULTLINE_SOURCE_DIR "/docs/report-data.md", rows);
}

TEST(Schema, TheControlPageListsTheFieldsThereAre) {
  FieldRows rows;
  rows.part<run::Verb>("every request", "what it begins with");
  rows.request<run::AboutRequest>();
  rows.request<run::StopRequest>();
  rows.part<run::Healed>("later", "once the run has healed");
  rows.request<run::NoteRequest>();
  rows.request<run::EnterRequest>();
  rows.part<run::Refused>("any answer", "where nothing was done");
  rows.part<run::Running>("`list --json`", "an object for each run");
  rows.shape<run::About>("what a run says of itself");
  EXPECT_EQ(rows.described, rows.used);
  expect_rows(FAULTLINE_SOURCE_DIR "/docs/control.md", rows);
}

}  // namespace
}  // namespace faultline::record
