// Libraries that a kind of probe needs and a build may be without (CMakeLists.txt: faultline_optional_probe). The kind
// is in the catalogue all the same, with its keys and its docs; a plan that wants one which is not built in is refused.
#pragma once

#include <memory>
#include <span>
#include <string_view>

namespace faultline::probe {

class Asker;
struct Kind;
struct Setting;

struct Library {
  std::string_view kind;     ///< that needs it
  std::string_view name;     ///< "librdkafka"
  std::string_view package;  ///< Debian's, to build with it
  std::string_view option;   ///< CMake's: "FAULTLINE_KAFKA"
  bool built_in;             ///< whether this build has it
};

/// All of them, in the order of the catalogue.
std::span<const Library> libraries();
/// The one that a kind needs and this build is without; null: the kind can ask.
const Library* lacking(const Kind& kind);

/// The maker of a kind whose library is not there: a Failure, since the plan that gets here was to be refused.
std::unique_ptr<Asker> make_none(const Setting& setting);

}  // namespace faultline::probe
