#include "injector/probe/library.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "injector/base/error.h"
#include "injector/probe/asker.h"

namespace faultline::probe {
namespace {

constexpr std::array<Library, 2> kAll{
    {{"mysql", "libmariadb", "libmariadb-dev", "FAULTLINE_MYSQL", FAULTLINE_HAS_MYSQL != 0},
     {"kafka", "librdkafka", "librdkafka-dev", "FAULTLINE_KAFKA", FAULTLINE_HAS_KAFKA != 0}}};

}  // namespace

std::span<const Library> libraries() { return kAll; }

const Library* lacking(const Kind& kind) {
  const auto found =
      std::find_if(kAll.begin(), kAll.end(), [&](const Library& one) { return one.kind == kind.name(); });
  return found == kAll.end() || found->built_in ? nullptr : &*found;
}

std::unique_ptr<Asker> make_none(const Setting& setting) {
  throw Failure(Exit::cannot_run, fmt::format("probe \"{}\": this faultline is built without the kind {}",
                                              setting.probe.name, setting.probe.kind->name()));
}

}  // namespace faultline::probe
