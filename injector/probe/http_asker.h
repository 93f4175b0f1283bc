// Requests over HTTP, by libcurl: what is asked and how an answer is judged are the kind's (http, grpc); connections,
// TLS, versions of the protocol and the words for what fails are the same for all.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "injector/probe/asker.h"
#include "injector/probe/http_expectation.h"
#include "injector/probe/tls.h"

namespace faultline::probe {

struct HttpRequest {
  std::string url;
  std::string method = "GET";
  std::string body = {};
  Fields headers = {};
  Tls tls = {};
  bool reuse = false;        ///< a connection serves a later request, over HTTP/2 several at once
  std::string version = {};  ///< "1.1"; "2": an answer of another is the error "version"; empty: as TLS agrees on it
  bool keeps_body = false;
  std::function<std::string(const HttpAnswer&)> judge = {};     ///< the request's error, "" when all is well
  std::function<std::string(const HttpAnswer&)> mismatch = {};  ///< of one that is not; empty: the error says all
};

/// "http://10.0.1.10:8080/pay", "https://[fd00::1]/": the check, and the URL as it is to be asked.
Read<std::string> read_http_url(const std::string& text);

/// "http://10.0.1.10:9090/" as "http://10.0.1.10:9090": what a path is appended to.
std::string without_slashes_behind(std::string url);

/// What is wrong with a header that `key` has; nothing: it can be sent.
std::optional<Problem> header_problem(std::string_view key, const std::string& name, const std::string& value);
/// Adds the mistakes in the headers that `key` has.
void check_headers(const Params& params, std::string_view key, std::vector<Problem>& problems);
/// The mistakes in what all kinds over HTTP have: `headers` and the keys of TLS. `kind` is the key of the URL.
std::vector<Problem> check_http(const Params& params, std::string_view kind);

/// Errors of a kind's own, and those of every request over HTTP.
std::vector<OwnError> with_http_errors(std::vector<OwnError> errors);

/// Failure(invalid) if the URL cannot be asked, Failure(cannot_run) if its host does not resolve.
std::unique_ptr<Asker> make_http_asker(const Setting& setting, HttpRequest request);

}  // namespace faultline::probe
