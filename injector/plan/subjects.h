// What a target may be found by: the words of each way to name something on the machine, checked as far as a plan can
// be checked without looking at the machine.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "injector/plan/plan.h"

namespace faultline::plan {

/// A key of [targets.NAME] that says what the target is.
struct Way {
  std::string_view key;
  Target::Where where;
  std::string_view example;
};

/// All of them, `address` last.
std::span<const Way> ways();

/// What is wrong with a subject and what would be right; both empty when it is fit. `subject` is brought into the form
/// in which it is looked for: "payment" is the unit "payment.service".
struct SubjectMistake {
  std::string message, hint;
};
SubjectMistake check_subject(Target::Where where, std::string& subject);

/// Found on the machine as it is at the start, so that it may start late, end, or be replaced.
bool comes_and_goes(Target::Where where);
/// An address, prefix or name of a peer that is reached by lo alone.
bool is_loopback_address(const std::string& text);
/// Its traffic is told by the sockets of a cgroup; it has no address of its own.
bool is_by_socket(Target::Where where);

}  // namespace faultline::plan
