// The http probe: a request over HTTP, and what its answer must be.
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <vector>

#include "injector/probe/http_asker.h"
#include "injector/probe/kinds.h"
#include "injector/probe/shared_keys.h"
#include "injector/probe/value.h"

namespace faultline::probe {
namespace {

std::unique_ptr<Asker> make_http(const Setting& setting) {
  const Probe& probe = setting.probe;
  const Params& params = probe.params;
  std::optional<std::int64_t> status;
  if (params.has("expect.status")) status = params.integer("expect.status");
  const auto expected =
      std::make_shared<HttpExpectation>(status, params.text("expect.body"), params.text("expect.matches"),
                                        params.fields("expect.headers"), params.fields("expect.json"));
  HttpRequest request{.url = probe.subject(),
                      .method = params.text("method"),
                      .body = params.text("body"),
                      .headers = params.fields("headers"),
                      .tls = read_tls(probe),
                      .reuse = params.boolean("reuse"),
                      .version = params.text("version"),
                      .keeps_body = expected->wants_body(),
                      .judge = [expected](const HttpAnswer& answer) { return expected->judge(answer); },
                      .mismatch = [expected](const HttpAnswer& answer) { return expected->mismatch(answer); }};
  return make_http_asker(setting, std::move(request));
}

bool looks_like_url(std::string_view text) { return text.starts_with("http://") || text.starts_with("https://"); }

Read<std::string> read_method(const std::string& text) {
  const auto upper = [](char c) { return c >= 'A' && c <= 'Z'; };
  if (!text.empty() && std::all_of(text.begin(), text.end(), upper)) return {text, {}, {}};
  return unfit(text, "an HTTP method");
}

std::vector<Problem> check_together(const Params& params) {
  std::vector<Problem> problems = check_http(params, "http");
  check_headers(params, "expect.headers", problems);
  for (const auto& [pointer, value] : params.fields("expect.json"))
    if (!is_json_pointer(pointer))
      problems.push_back({"expect.json", fmt::format("\"{}\" is not a JSON pointer", pointer),
                          "as RFC 6901 has them: { \"/items/0/state\" = \"paid\" }"});
  return problems;
}

}  // namespace

Kind kinds::http() {
  return {.subject = {.name = "http",
                      .type = ValueType::text,
                      .doc = "The URL that it asks for, http or https.",
                      .example = "\"https://10.0.1.10/pay\"",
                      .read = read_http_url},
          .keys = with_tls({{.name = "expect.status",
                             .type = ValueType::integer,
                             .doc = "The status of the answer.",
                             .example = "200",
                             .otherwise = "any 2xx or 3xx",
                             .min = 100,
                             .max = 599},
                            {.name = "expect.body",
                             .type = ValueType::text,
                             .doc = "Is contained in the answer's body.",
                             .example = "\"ok\"",
                             .otherwise = "anything"},
                            {.name = "expect.matches",
                             .type = ValueType::text,
                             .doc = "A regular expression (RE2) that something in the answer's body matches.",
                             .example = "\"paid [0-9]+\"",
                             .otherwise = "anything",
                             .read = read_pattern},
                            {.name = "expect.headers",
                             .type = ValueType::fields,
                             .doc = "Headers that the answer has, and what is contained in their values.",
                             .example = "{ X-Cache = \"HIT\" }",
                             .otherwise = "any"},
                            {.name = "expect.json",
                             .type = ValueType::fields,
                             .doc = "Values in the answer's JSON document, by JSON pointer.",
                             .example = "{ \"/state\" = \"paid\" }",
                             .otherwise = "anything"},
                            {.name = "method",
                             .type = ValueType::text,
                             .doc = "The method of the request, in capitals.",
                             .example = "\"POST\"",
                             .fallback = "GET",
                             .read = read_method,
                             .hint = "write it in capitals: method = \"POST\""},
                            {.name = "body",
                             .type = ValueType::text,
                             .doc = "The body of the request.",
                             .example = "\"{}\"",
                             .otherwise = "empty"},
                            headers_key("{ Accept = \"text/plain\" }"),
                            {.name = "version",
                             .type = ValueType::choice,
                             .doc = "The version of HTTP.",
                             .example = "\"2\"",
                             .otherwise = "1.1; over TLS as both agree",
                             .choices = {"1.1", "2"}},
                            reuse_key()}),
          .request = "one HTTP request, on a new connection (`reuse = true` keeps connections)",
          .option = "Ask this URL meanwhile",
          .value = "URL",
          .make = make_http,
          .check = check_together,
          .meant = looks_like_url,
          .errors = with_http_errors({{"header"}, {"body"}, {"matches"}, {"json"}, {"version"}})};
}

}  // namespace faultline::probe
