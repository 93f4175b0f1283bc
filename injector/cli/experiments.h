// The experiments that come with Faultline, wherever it was installed: beside the binary's checkout, or in share/
// beside its bin/. So that `faultline run hello` works from anywhere.
#pragma once

#include <string>
#include <vector>

namespace faultline::cli {

/// The folder; empty when there is none.
std::string experiments_folder();
/// Paths of the shipped plans, in order of name.
std::vector<std::string> shipped_experiments();
/// What the user means by PLAN: a file if there is one, else a shipped experiment's path by its bare name or by a part
/// of it that no other has ("alipay-2019"), else the text itself. Throws Failure(invalid) for a bare name that nothing
/// has, naming what is near, and for a part of several, naming these.
std::string find_plan(const std::string& plan);

/// The one of `names` that `part` is a part of, in whatever case; of one or two letters none. Several: `others` has
/// them.
std::string named_by_part(const std::string& part, const std::vector<std::string>& names,
                          std::vector<std::string>& others);

}  // namespace faultline::cli
