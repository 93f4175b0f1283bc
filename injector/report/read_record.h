// Records of several runs, as their folders keep them: margin.json and its like.
#pragma once

#include <fmt/format.h>

#include <filesystem>
#include <optional>
#include <string>

#include "injector/base/error.h"
#include "injector/base/file_text.h"
#include "injector/record/json_fields.h"

namespace faultline::report {

/// Absent where there is no such file. Throws Failure(invalid) for one that cannot be read, or is not `what` it should
/// be: "the record of a margin".
template <class Record>
std::optional<Record> read_record(const std::filesystem::path& path, const char* what) {
  if (!std::filesystem::exists(path)) return {};
  std::string text;
  if (const auto why = read_file(path.string(), Readable::anything, text); !why.empty())
    throw Failure(Exit::invalid, fmt::format("{} cannot be read: {}", path.string(), why));
  try {
    return record::from_json<Record>(nlohmann::json::parse(text));
  } catch (const nlohmann::json::exception&) {
    throw Failure(Exit::invalid, fmt::format("{} is damaged: it is not {}", path.string(), what));
  }
}

}  // namespace faultline::report
