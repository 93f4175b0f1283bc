// Where the plan of a run folder came from. Its plan.toml is a verbatim copy, so that ${plan_dir} and the files that it
// names would be sought beside the copy: origin.json, which a run writes beside it, says where they were, and which
// copies of them the folder has. So a record's plan checks, and plays again, where it lies.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "injector/plan/plan.h"

namespace faultline::plan {

struct Origin {
  std::string name;                          ///< of the plan
  std::string directory;                     ///< that it lay in
  std::map<std::string, std::string> files;  ///< paths of files that it named, and of the copies that were kept
};

/// Of a plan that is the copy in a run folder; nothing of any other.
std::optional<Origin> read_origin(const std::string& plan_path);
/// origin.json for a plan whose files were kept under these names in the folder.
std::string origin_text(const Plan& plan, const std::map<std::string, std::string>& files);

}  // namespace faultline::plan
