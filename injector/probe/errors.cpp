#include "injector/probe/errors.h"

#include <cerrno>
#include <cstring>

#include "injector/base/visible_text.h"

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

std::string ErrorNames::named(const std::string& error) {
  std::string name = bounded(error, kLongest);
  if (known_.contains(name)) return name;
  if (known_.size() >= kMost) return kOther;
  known_.insert(name);
  return name;
}

}  // namespace faultline::probe
