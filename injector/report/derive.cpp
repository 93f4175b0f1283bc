#include "injector/report/derive.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <fstream>

#include "injector/base/fd.h"
#include "injector/record/json_fields.h"
#include "injector/record/recording.h"
#include "injector/record/verdict.h"
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

Outcome derive(const std::filesystem::path& folder) {
  const record::Recording recording = record::read_recording(folder);
  const record::Verdict verdict = record::judge(recording);
  Outcome outcome{verdict.exit, summarize(recording, verdict)};
  replace_file(
      folder / "summary.json",
      visible_json(record::to_json(outcome.summary).dump(2, ' ', false, nlohmann::json::error_handler_t::replace)) +
          "\n");
  replace_file(folder / "junit.xml", junit_xml(outcome.summary));
  replace_file(folder / "report.html", render_report(recording, outcome.summary));
  return outcome;
}

Summary read_summary(const std::filesystem::path& path) {
  std::ifstream file(path);
  Summary summary;
  try {
    summary = record::from_json<Summary>(nlohmann::json::parse(file));
  } catch (const nlohmann::json::exception& e) {
    throw Failure(Exit::invalid, fmt::format("{} cannot be read as a summary: {}", path.string(), e.what()));
  }
  if (summary.verdict.empty()) throw Failure(Exit::invalid, path.string() + " has no verdict: not a summary.json?");
  return summary;
}

}  // namespace faultline::report
