#include "injector/probe/shared_keys.h"

namespace faultline::probe {

Key reuse_key(Said doc) {
  return {.name = "reuse", .type = ValueType::boolean, .doc = doc, .example = "true", .fallback = false};
}

Key headers_key(Said example) {
  return {.name = "headers",
          .type = ValueType::fields,
          .doc = "Headers of the request, by name.",
          .example = example,
          .otherwise = "none"};
}

}  // namespace faultline::probe
