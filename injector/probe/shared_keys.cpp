#include "injector/probe/shared_keys.h"

#include "injector/probe/value.h"

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

std::vector<Key> query_keys() {
  return {{.name = "query",
           .type = ValueType::text,
           .doc = "The SQL that is asked.",
           .example = "\"select count(*) from orders\"",
           .fallback = "select 1"},
          reuse_key("Keeps sessions between requests."),
          {.name = "expect.reply",
           .type = ValueType::text,
           .doc = "The first field of the first row begins with it.",
           .example = "\"1\"",
           .otherwise = "any result"},
          value_key()};
}

}  // namespace faultline::probe
