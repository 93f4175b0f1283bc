// What is wrong with a plan, told to people and to programs.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "injector/base/error.h"
#include "injector/plan/parse.h"

namespace faultline::cli {

/// What was found in a plan, valid or not: `plan`, `ok`, `diagnostics`, `remarks`, and of a valid one what is in it.
/// `path`: as the command line named it.
nlohmann::json findings_json(const plan::Parsed& parsed, const std::string& path);

/// Prints the mistakes of a plan that has some. With `json` also findings_json() and `exit_code` on standard output,
/// where a program waits for it. Exit::invalid.
Exit tell_mistakes(const plan::Parsed& parsed, bool json);

}  // namespace faultline::cli
