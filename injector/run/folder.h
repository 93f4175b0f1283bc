// The run folder: where the record of a run lives.
#pragma once

#include <filesystem>
#include <string>

#include "injector/plan/plan.h"

namespace faultline::run {

/// Creates the folder (or takes an existing empty one) with services/ in it, and writes plan.toml, origin.json and,
/// into inputs/, the files that the plan names. `out` empty: runs/<UTC time>-<plan's name>. Throws Failure(invalid)
/// when it exists and is not empty, Failure(cannot_run) when it cannot be made, Failure(failed) on a full disk.
std::filesystem::path make_folder(const plan::Plan& plan, const std::filesystem::path& out);

/// The same for the arms of a plan: a folder that each of them gets one of its own in. It is empty.
std::filesystem::path make_arms_folder(const std::string& name, const std::filesystem::path& out);

/// Under sudo: gives the folder to the user who called it, so that no root-owned files are left about. Never throws.
void give_to_user(const std::filesystem::path& folder);

}  // namespace faultline::run
