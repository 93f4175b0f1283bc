#include "injector/probe/errors.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "injector/base/secrets.h"
#include "injector/base/visible_text.h"
#include "injector/probe/asker.h"
#include "injector/probe/kind.h"

namespace faultline::probe {
namespace {

const char* known(int error) {
  switch (error) {
    case ECONNREFUSED:
      return "refused";
    case ECONNRESET:
    case ECONNABORTED:
    case EPIPE:
      return "reset";
    case ENETUNREACH:
    case EHOSTUNREACH:
    case ENETDOWN:
    case EHOSTDOWN:
      return "unreachable";
    case ETIMEDOUT:
      return "timeout";
    default:
      return nullptr;
  }
}

/// Of every kind; and of those that ask over a network, as all but programs do.
const std::vector<OwnError> kEverybodys{{"timeout"}, {"overload"}, {"unsent"}, {ErrorNames::kOther}};
const std::vector<OwnError> kNetworks{
    {"refused"}, {"reset"}, {"closed"}, {"unreachable"}, {"send EPERM", true}, {"errno EPROTO", true}};

std::vector<OwnError> errors_of(const Kind& kind) {
  std::vector<OwnError> all = kEverybodys;
  if (!kind.runs_program()) all.insert(all.end(), kNetworks.begin(), kNetworks.end());
  all.insert(all.end(), kind.errors.begin(), kind.errors.end());
  return all;
}

bool is(const OwnError& error, std::string_view text) {
  if (!error.chosen) return error.name == text;
  const std::string_view word = error.name.substr(0, error.name.find(' ') + 1);  // with the blank
  return text.starts_with(word) && text.size() > word.size();
}

std::string errno_name(int error) {
  const char* name = strerrorname_np(error);
  return name ? name : std::to_string(error);
}

}  // namespace

std::string network_error(int error) {
  if (const char* name = known(error)) return name;
  return "errno " + errno_name(error);
}

std::string send_error(int error) {
  if (const char* name = known(error)) return name;
  return "send " + errno_name(error);
}

bool has_error(const Kind& kind, std::string_view name) {
  const auto all = errors_of(kind);
  return std::any_of(all.begin(), all.end(), [&](const OwnError& error) { return is(error, name); });
}

bool is_own_error(std::string_view name) {
  static const auto all = [] {
    std::set<std::string_view> names;
    for (const Kind& kind : catalogue())
      for (const auto& error : errors_of(kind))
        if (!error.chosen) names.insert(error.name);
    return names;
  }();
  return all.contains(name);
}

std::vector<std::string> error_names(const Kind& kind) {
  std::vector<std::string> names;
  for (const auto& error : errors_of(kind)) names.emplace_back(error.name);
  return names;
}

std::string ErrorNames::named(const std::string& error) {
  std::string name = bounded(error, kLongest);
  if (known_.contains(name)) return name;
  if (known_.size() >= kMost) return kOther;
  known_.insert(name);
  return name;
}

std::shared_ptr<const Heard> kept(std::string_view output, std::string_view errors, std::uint64_t skipped,
                                  std::string mismatch) {
  if (output.empty() && errors.empty() && mismatch.empty()) return {};
  auto said = std::make_shared<Heard>();
  said->output = output.substr(0, Heard::kMost);
  said->errors = errors.substr(0, Heard::kMost);
  said->left_out = skipped + output.size() + errors.size() - said->output.size() - said->errors.size();
  said->mismatch = std::move(mismatch);
  return said;
}

namespace {

constexpr std::size_t kBrief =
    120;  // bytes of what was wanted, and of what was seen: the answer itself stands below it

std::string briefly(std::string_view text) { return bounded(std::string(text), kBrief); }

}  // namespace

std::string mismatch_text(std::string_view what, std::string_view wanted, std::string_view seen) {
  return fmt::format("{}: {} wanted, {} seen", what, briefly(wanted), briefly(seen));
}

std::string quoted_briefly(std::string_view text) { return fmt::format("\"{}\"", briefly(text)); }
std::string field_text(const std::string& name, std::string_view value) {
  return is_secret_field(name) ? "***" : quoted_briefly(value);
}

}  // namespace faultline::probe
