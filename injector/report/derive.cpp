#include "injector/report/derive.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <vector>

#include "injector/base/error.h"
#include "injector/base/fd.h"
#include "injector/base/file_text.h"
#include "injector/plan/hidden.h"
#include "injector/record/json_fields.h"
#include "injector/record/recording.h"
#include "injector/record/verdict.h"
#include "injector/report/arms.h"
#include "injector/report/junit.h"
#include "injector/report/report.h"
#include "injector/report/summary.h"

namespace faultline::report {

void replace_file(const std::filesystem::path& path, const std::string& text) {
  const std::string temporary = path.string() + ".new";
  {
    Fd fd(static_cast<int>(
        check("create " + temporary, ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644))));
    for (std::size_t done = 0; done < text.size();) {
      const ssize_t n = ::write(fd.get(), text.data() + done, text.size() - done);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) {
        const int code = errno;
        ::unlink(temporary.c_str());
        throw std::system_error(code, std::generic_category(), "write " + path.string());
      }
      done += static_cast<std::size_t>(n);
    }
  }
  check("rename " + temporary, ::rename(temporary.c_str(), path.c_str()));
}

namespace {

/// What is wrong with a text that is no JSON: `byte` is where reading ended, from 1.
std::string damage(const std::string& text, std::size_t byte) {
  if (text.find_first_not_of(" \t\r\n") == std::string::npos) return "it is empty";
  if (byte > text.size()) return "it ends in the middle";
  const auto end = text.begin() + static_cast<std::ptrdiff_t>(byte);
  return fmt::format("it is damaged in line {}", 1 + std::count(text.begin(), end, '\n'));
}

}  // namespace

Outcome derive(const std::filesystem::path& folder) {
  const record::Recording recording = record::read_recording(folder);
  const record::Verdict verdict = record::judge(recording);
  std::error_code none;
  Outcome outcome{verdict.exit, summarize(recording, verdict)};
  replace_file(folder / "summary.json", record::json_document(record::to_json(outcome.summary)));
  replace_file(folder / "junit.xml", junit_xml(outcome.summary));
  Beside beside{.services = folder / "services"};
  // a copy of the plan, which the run has put there
  read_file((folder / "plan.toml").string(), Readable::regular_file, beside.plan_text);
  beside.secrets = plan::hidden_words(beside.plan_text);
  // However the folder was called: "naive/" and "." have no parent by their names.
  beside.other_arms = recording.arm && std::filesystem::exists(folder / ".." / kArmsFile, none);
  replace_file(folder / "report.html", render_report(recording, outcome.summary, beside));
  return outcome;
}

Summary read_summary(const std::filesystem::path& path) {
  std::string text;
  if (const auto why = read_file(path.string(), Readable::anything, text); !why.empty())
    throw Failure(Exit::invalid, fmt::format("{} cannot be read: {}", path.string(), why));
  const auto refuse = [&](const std::string& why) -> Failure {
    return {Exit::invalid, fmt::format("{} is no summary.json that can be read: {}", path.string(), why)};
  };
  nlohmann::json object;
  try {
    object = nlohmann::json::parse(text);
  } catch (const nlohmann::json::parse_error& e) {
    throw refuse(damage(text, e.byte));
  } catch (const nlohmann::json::exception&) {  // 1e999
    throw refuse("a number in it is out of range");
  }
  if (!object.is_object()) throw refuse("it holds something else");
  std::vector<std::string> missing, damaged;
  for (const char* name : {"verdict", "name", "faults", "probes", "hypotheses"})
    if (!object.contains(name)) missing.push_back(fmt::format("`{}`", name));
  if (!missing.empty()) throw refuse(fmt::format("it has no {}", fmt::join(missing, ", ")));
  Summary summary;
  record::for_each_field<Summary>([&](const auto& field) {
    const auto found = object.find(field.name);
    if (found == object.end() || found->is_null()) return;
    try {
      record::read_json(*found, summary.*field.in);
    } catch (const nlohmann::json::exception&) {
      damaged.push_back(fmt::format("`{}`", field.name));
    }
  });
  if (!damaged.empty())
    throw refuse(fmt::format("its {} {} not as a summary has {} (docs/summary.md)", fmt::join(damaged, ", "),
                             damaged.size() == 1 ? "is" : "are", damaged.size() == 1 ? "it" : "them"));
  if (summary.verdict.empty()) throw refuse("its `verdict` is empty");
  return summary;
}

}  // namespace faultline::report
