// The prometheus probe: a query of a Prometheus server, by its HTTP API, whose answer is one number. It asks by http,
// so that its times, connections and errors are those of the http probe.
#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "injector/base/error.h"
#include "injector/probe/asker.h"
#include "injector/probe/curl.h"
#include "injector/probe/http_asker.h"
#include "injector/probe/kinds.h"
#include "injector/probe/shared_keys.h"
#include "injector/probe/value.h"

namespace faultline::probe {
namespace {

/// One number, or the request's error. https://prometheus.io/docs/prometheus/latest/querying/api/
std::string read_answer(std::string_view body, const std::string& empty, std::optional<double>& value) {
  try {
    const auto answer = nlohmann::json::parse(body);
    if (answer.at("status") != "success") return "protocol";
    const auto& data = answer.at("data");
    const auto& result = data.at("result");
    const std::string& type = data.at("resultType").get_ref<const std::string&>();
    if (type == "vector" && result.empty()) {
      value = number_of(empty);
      return value ? "" : "no sample";
    }
    if (type == "vector" && result.size() > 1) return "many samples";
    if (type != "vector" && type != "scalar") return "no number";
    const auto& sample = type == "vector" ? result.at(0).at("value") : result;
    value = number_of(sample.at(1).get_ref<const std::string&>());
    return value ? "" : "value";
  } catch (const nlohmann::json::exception&) {
    return "protocol";
  }
}

std::unique_ptr<Asker> make_prometheus(const Setting& setting) {
  const Params& params = setting.probe.params;
  const std::unique_ptr<char, curl::Free> query(curl_easy_escape(nullptr, params.text("query").c_str(), 0));
  if (!query) throw std::bad_alloc();
  HttpRequest request{
      .url = fmt::format("{}/api/v1/query?query={}", without_slashes_behind(setting.probe.subject()), query.get()),
      .headers = params.fields("headers"),
      .tls = read_tls(setting.probe),
      .reuse = true,
      .keeps_body = true};
  request.judge = [expected = HttpExpectation({}, {}, {}, {}, {}), empty = params.text("empty"),
                   tell = setting.value](const HttpAnswer& answer) {
    if (auto error = expected.judge(answer); !error.empty()) return error;
    std::optional<double> value;
    std::string error = read_answer(answer.body, empty, value);
    if (value && error.empty()) tell(answer.n, *value);
    return error;
  };
  return make_http_asker(setting, std::move(request));
}

Read<std::string> read_empty(const std::string& text) {
  if (!number_of(text)) return unfit(text, "a number");
  return {text, {}, {}};
}

std::vector<Problem> check_prometheus(const Params& params) { return check_http(params, "prometheus"); }

}  // namespace

Kind kinds::prometheus() {
  return {.subject = {.name = "prometheus",
                      .type = ValueType::text,
                      .doc = "The URL of the server, http or https.",
                      .example = "\"https://10.0.1.10:9090\"",
                      .read = read_http_url,
                      .hint = "write prometheus = \"https://10.0.1.10:9090\""},
          .keys = with_tls({{.name = "query",
                             .type = ValueType::text,
                             .doc = "The query, in Prometheus' own language; one number comes of it.",
                             .example = "\"sum(rate(http_requests_total[1m]))\"",
                             .fallback = "vector(1)"},
                            {.name = "empty",
                             .type = ValueType::text,
                             .doc = "The number that an answer without a sample counts as.",
                             .example = "\"0\"",
                             .otherwise = "the request fails",
                             .read = read_empty,
                             .hint = "write a number: empty = \"0\""},
                            headers_key("{ X-Scope-OrgID = \"shop\" }")}),
          .request = "an instant query, over a connection that is kept",
          .option = "Query this Prometheus meanwhile",
          .value = "URL",
          .make = make_prometheus,
          .check = check_prometheus,
          .errors = with_http_errors({{"no sample"}, {"many samples"}, {"no number"}, {"value"}}),
          .always_value = true};
}

}  // namespace faultline::probe
