// The grpc probe: the standard health check (grpc.health.v1.Health/Check), a POST over HTTP/2 with two fields of
// protobuf in it. libcurl carries it; what a library of gRPC would add is generated code for messages of one field
// each.
#include <fmt/format.h>

#include <array>

#include "injector/probe/http_asker.h"
#include "injector/probe/kinds.h"
#include "injector/probe/shared_keys.h"

namespace faultline::probe {
namespace {

constexpr std::string_view kMethod = "/grpc.health.v1.Health/Check";
constexpr std::size_t kLongestService = 127;  // so that a length is one byte

/// In front of each message: not compressed, and its length in four bytes, the highest first.
std::string framed(std::string_view message) {
  std::string frame(5, '\0');
  frame[4] = static_cast<char>(message.size());
  return frame.append(message);
}

/// HealthCheckRequest { string service = 1; }
std::string request_for(const std::string& service) {
  if (service.empty()) return framed("");
  return framed(fmt::format("\x0a{}{}", static_cast<char>(service.size()), service));
}

/// HealthCheckResponse { enum status = 1; }, framed; none: it is something else. Without the field it is 0.
std::optional<unsigned> status_in(std::string_view body) {
  if (body.size() < 5 || body[0] != 0) return {};
  std::uint32_t length = 0;
  for (int i = 1; i < 5; ++i) length = length << 8 | static_cast<unsigned char>(body[static_cast<std::size_t>(i)]);
  const std::string_view message = body.substr(5);
  if (message.size() != length) return {};
  if (message.empty()) return 0;
  if (message.size() != 2 || message[0] != 0x08 || static_cast<unsigned char>(message[1]) >= 0x80) return {};
  return static_cast<unsigned char>(message[1]);
}

/// By their numbers, as gRPC has them.
constexpr std::array kCodes{
    "OK",        "CANCELLED",      "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
    "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
    "ABORTED",   "OUT_OF_RANGE",   "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
    "DATA_LOSS", "UNAUTHENTICATED"};
constexpr std::array kServing{"UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"};

std::string judge_health(const HttpAnswer& answer) {
  if (answer.status != 200) return fmt::format("status {}", answer.status);
  const auto code = answer.header("grpc-status");
  if (!code) return "protocol";
  if (*code != "0") {
    for (std::size_t i = 1; i < kCodes.size(); ++i)
      if (*code == std::to_string(i)) return fmt::format("grpc {}", kCodes[i]);
    return "protocol";
  }
  const auto serving = status_in(answer.body);
  if (!serving || *serving >= kServing.size()) return "protocol";
  return *serving == 1 ? "" : fmt::format("health {}", kServing[*serving]);
}

std::unique_ptr<Asker> make_grpc(const Setting& setting) {
  const Probe& probe = setting.probe;
  HttpRequest request{.url = without_slashes_behind(probe.subject()).append(kMethod),
                      .method = "POST",
                      .body = request_for(probe.params.text("service")),
                      .headers = {{"Content-Type", "application/grpc"}, {"TE", "trailers"}},
                      .tls = read_tls(probe),
                      .reuse = probe.params.boolean("reuse"),
                      .version = "2",
                      .keeps_body = true,
                      .judge = judge_health};
  return make_http_asker(setting, std::move(request));
}

Read<std::string> read_grpc_server(const std::string& text) {
  auto read = read_http_url(text);
  const auto host = text.find("://");
  if (!read.value || text.find_first_of("/?#", host + 3) >= text.size() - (text.ends_with('/') ? 1 : 0)) return read;
  return {std::nullopt, fmt::format("\"{}\" has more than a host and a port", text),
          "the method is that of the health check: grpc = \"http://10.0.1.10:50051\""};
}

Read<std::string> read_service(const std::string& text) {
  if (!text.empty() && text.size() <= kLongestService) return {text, {}, {}};
  return {std::nullopt, fmt::format("\"{}\" is not the name of a service", text),
          fmt::format("1 to {} bytes; without it the server as a whole is asked about", kLongestService)};
}

std::vector<Problem> check_grpc(const Params& params) { return check_http(params, "grpc"); }

}  // namespace

Kind kinds::grpc() {
  return {.subject = {.name = "grpc",
                      .type = ValueType::text,
                      .doc = "The server; with https:// it is asked over TLS.",
                      .example = "\"https://10.0.1.10:50051\"",
                      .read = read_grpc_server},
          .keys = with_tls({{.name = "service",
                             .type = ValueType::text,
                             .doc = "The service that is asked about.",
                             .example = "\"shop.Payments\"",
                             .otherwise = "the server as a whole",
                             .read = read_service},
                            reuse_key()}),
          .request = "a health check (grpc.health.v1), on a new connection (`reuse = true` keeps connections)",
          .option = "Ask this gRPC server for its health meanwhile",
          .value = "URL",
          .make = make_grpc,
          .check = check_grpc,
          .errors = with_http_errors({{"grpc UNAVAILABLE", true}, {"health NOT_SERVING", true}, {"version"}})};
}

}  // namespace faultline::probe
