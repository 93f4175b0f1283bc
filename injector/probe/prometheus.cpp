// The prometheus probe: a query of a Prometheus server, by its HTTP API, whose answer is one number. It asks by http,
// so that its times, connections and errors are those of the http probe.
#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "injector/base/error.h"
#include "injector/probe/asker.h"
#include "injector/probe/curl.h"
#include "injector/probe/kinds.h"
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

class Prometheus : public Asker {
 public:
  explicit Prometheus(const Setting& s) : http_(s.probe), empty_(s.probe.params.text("empty")) {
    const Kind* http = find_kind("http");
    const std::unique_ptr<char, curl::Free> query(curl_easy_escape(nullptr, s.probe.params.text("query").c_str(), 0));
    if (!query) throw std::bad_alloc();
    std::string server = s.probe.subject();
    while (server.ends_with('/')) server.pop_back();
    http_.kind = http;
    http_.params = defaults(*http);
    http_.params.set("http", fmt::format("{}/api/v1/query?query={}", server, query.get()));
    http_.params.set("headers", s.probe.params.fields("headers"));
    http_.params.set("reuse", true);
    Setting asked{http_, s.from, s.nursery, s.loop, s.verdict, {}, {}};
    asked.read_body = [this, tell = s.value](std::uint64_t n, std::string_view body) {
      std::optional<double> value;
      std::string error = read_answer(body, empty_, value);
      if (value && error.empty()) tell(n, *value);
      return error;
    };
    asker_ = http->make(asked);
  }

  void ask(std::uint64_t n, Ns deadline) override { asker_->ask(n, deadline); }
  void forget(std::uint64_t n) override { asker_->forget(n); }
  Ns wake_at() const override { return asker_->wake_at(); }
  void wake() override { asker_->wake(); }

 private:
  Probe http_;  // what is asked by http, which refers to it
  const std::string empty_;
  std::unique_ptr<Asker> asker_;
};

std::unique_ptr<Asker> make_prometheus(const Setting& setting) { return std::make_unique<Prometheus>(setting); }

Read<std::string> read_server(const std::string& text) { return find_kind("http")->subject.read(text); }

Read<std::string> read_empty(const std::string& text) {
  if (!number_of(text)) return unfit(text, "a number");
  return {text, {}, {}};
}

std::vector<Problem> check_headers_of_http(const Params& params) { return find_kind("http")->check(params); }

}  // namespace

Kind kinds::prometheus() {
  return {.subject = {.name = "prometheus",
                      .type = ValueType::text,
                      .doc = "The URL of the server, http or https.",
                      .example = "\"http://10.0.1.10:9090\"",
                      .read = read_server,
                      .hint = "write prometheus = \"http://10.0.1.10:9090\""},
          .keys = {{.name = "query",
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
                   {.name = "headers",
                    .type = ValueType::fields,
                    .doc = "Headers of the request, by name.",
                    .example = "{ X-Scope-OrgID = \"shop\" }",
                    .otherwise = "none"}},
          .request = "an instant query, over a connection that is kept",
          .option = "Query this Prometheus meanwhile",
          .value = "URL",
          .make = make_prometheus,
          .check = check_headers_of_http,
          .errors = {{"no sample"},
                     {"many samples"},
                     {"no number"},
                     {"value"},
                     {"status 503", true},
                     {"resolve"},
                     {"tls"},
                     {"protocol"},
                     {"connect"},
                     {"curl 56", true}},
          .always_value = true};
}

}  // namespace faultline::probe
