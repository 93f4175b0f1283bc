#include "injector/plan/origin.h"

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

namespace faultline::plan {
namespace fs = std::filesystem;
using nlohmann::json;

std::optional<Origin> read_origin(const std::string& plan_path) {
  const fs::path path = fs::absolute(plan_path).lexically_normal();
  if (path.filename() != "plan.toml") return {};
  std::ifstream file(path.parent_path() / "origin.json");
  if (!file) return {};
  try {
    const json read = json::parse(file);
    Origin origin{read.at("name"), read.at("directory"), {}};
    for (const auto& [from, copy] : read.at("files").items())
      origin.files[from] = (path.parent_path() / copy.get<std::string>()).lexically_normal().string();
    return origin;
  } catch (const json::exception&) {  // somebody else's file: a plan like any other
    return {};
  }
}

std::string origin_text(const Plan& plan, const std::map<std::string, std::string>& files) {
  const json text{{"name", plan.name}, {"directory", plan.directory}, {"files", files}};
  return text.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

}  // namespace faultline::plan
