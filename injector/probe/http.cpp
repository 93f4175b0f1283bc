// The http probe, over libcurl.
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "injector/base/error.h"
#include "injector/base/written_address.h"
#include "injector/probe/address.h"
#include "injector/probe/asker.h"
#include "injector/probe/curl.h"
#include "injector/probe/kinds.h"

namespace faultline::probe {
namespace {

constexpr std::size_t kMostBody = 1 << 20;

bool same_header(const std::string& a, const std::string& b) { return curl_strequal(a.c_str(), b.c_str()) != 0; }

class Http : public Asker {
 public:
  explicit Http(const Setting& s)
      : probe_(s.probe),
        url_(s.probe.subject()),
        method_(s.probe.params.text("method")),
        body_(s.probe.params.text("body")),
        expected_body_(s.probe.params.text("expect.body")),
        reuse_(s.probe.params.boolean("reuse")),
        verdict_(s.verdict),
        read_body_(s.read_body),
        transfers_(s.loop, [this](CURL* easy, CURLcode rc, Ns at) { finish(easy, rc, at); }) {
    if (s.probe.params.has("expect.status")) expected_status_ = s.probe.params.integer("expect.status");
    read_url(s.from.names);
    read_headers();
    for (const auto& client : s.from.clients)
      if ((client.find(':') != std::string::npos) == v6_) clients_.push_back("host!" + client);
    spare_.push_back(make_request());  // so that the first request does not pay for it
  }
  ~Http() override {
    for (auto& [n, request] : flying_) transfers_.remove(request->easy.get());
  }

  void ask(std::uint64_t n, Ns) override {
    std::unique_ptr<Request> request;
    if (spare_.empty()) {
      request = make_request();
    } else {
      request = std::move(spare_.back());
      spare_.pop_back();
    }
    request->n = n;
    request->body.clear();
    CURL* easy = request->easy.get();
    if (!clients_.empty())
      curl::check("choose a client", curl_easy_setopt(easy, CURLOPT_INTERFACE, clients_[n % clients_.size()].c_str()));
    flying_.emplace(n, std::move(request));
    transfers_.add(easy);
  }

  void forget(std::uint64_t n) override {
    const auto it = flying_.find(n);
    if (it == flying_.end()) return;
    transfers_.remove(it->second->easy.get());
    flying_.erase(it);
  }

  Ns wake_at() const override { return transfers_.wake_at(); }
  void wake() override { transfers_.wake(); }

 private:
  struct Request {
    std::uint64_t n = 0;
    std::string body;
    curl::Easy easy;
  };

  [[noreturn]] void refuse(const std::string& why) const {
    throw Failure(Exit::invalid,
                  fmt::format("probe \"{}\": http = \"{}\": {}", probe_.name, probe_.shown_subject(), why));
  }

  std::string url_part(CURLU* url, CURLUPart part) const {
    char* text = nullptr;
    const CURLUcode rc = curl_url_get(url, part, &text, CURLU_DEFAULT_PORT);
    const std::unique_ptr<char, curl::Free> owner(text);
    if (rc != CURLUE_OK) refuse(curl_url_strerror(rc));
    return text;
  }

  void read_url(const std::map<std::string, std::string>& names) {
    const std::unique_ptr<CURLU, curl::Free> url(curl_url());
    if (!url) throw std::bad_alloc();
    const CURLUcode rc = curl_url_set(url.get(), CURLUPART_URL, url_.c_str(), 0);
    if (rc != CURLUE_OK) refuse(curl_url_strerror(rc));
    const std::string scheme = url_part(url.get(), CURLUPART_SCHEME);
    if (scheme != "http" && scheme != "https") refuse("only http:// and https:// can be asked");
    const std::string host = url_part(url.get(), CURLUPART_HOST);
    const std::string port = url_part(url.get(), CURLUPART_PORT);
    const bool bracketed = host.front() == '[';
    v6_ = resolve(probe_.name, bracketed ? host.substr(1, host.size() - 2) : host, port, names).family() == AF_INET6;
    if (const auto lab = names.find(host); lab != names.end()) {
      const bool v6 = lab->second.find(':') != std::string::npos;
      curl::append(known_, fmt::format("{}:{}:{}", host, port, v6 ? "[" + lab->second + "]" : lab->second));
    }
  }

  void read_headers() {
    bool agent = false, expect = false;
    for (const auto& [name, value] : probe_.params.fields("headers")) {
      // "Name;" is how curl is told to send a header without a value; "Name:" would remove it.
      curl::append(headers_, value.empty() ? name + ";" : name + ": " + value);
      agent |= same_header(name, "User-Agent");
      expect |= same_header(name, "Expect");
    }
    if (!agent) curl::append(headers_, "User-Agent: faultline");
    if (!expect) curl::append(headers_, "Expect:");  // no "100-continue", which would wait a second for an answer
  }

  std::unique_ptr<Request> make_request() {
    auto request = std::make_unique<Request>();
    request->easy.reset(curl_easy_init());
    CURL* e = request->easy.get();
    if (!e) throw std::bad_alloc();
    const auto set = [e](CURLoption option, auto value) {
      curl::check("set up a request", curl_easy_setopt(e, option, value));
    };
    set(CURLOPT_URL, url_.c_str());
    set(CURLOPT_PRIVATE, request.get());
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_NOPROXY, "*");
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_FOLLOWLOCATION, 0L);
    set(CURLOPT_RESOLVE, known_.get());
    set(CURLOPT_DNS_CACHE_TIMEOUT, 0L);
    set(CURLOPT_QUICK_EXIT,
        1L);  // else forgetting a request waits for its resolver thread, and all others wait with it
    set(CURLOPT_FORBID_REUSE, reuse_ ? 0L : 1L);
    set(CURLOPT_FRESH_CONNECT, reuse_ ? 0L : 1L);
    set(CURLOPT_SSL_SESSIONID_CACHE, reuse_ ? 1L : 0L);
    set(CURLOPT_HTTPHEADER, headers_.get());
    if (!body_.empty()) {
      set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body_.size()));
      set(CURLOPT_POSTFIELDS, body_.c_str());
    }
    if (method_ == "HEAD") set(CURLOPT_NOBODY, 1L);
    if (method_ != "GET" || !body_.empty()) set(CURLOPT_CUSTOMREQUEST, method_.c_str());
    set(CURLOPT_WRITEFUNCTION, expected_body_.empty() && !read_body_ ? &Http::skip_body : &Http::keep_body);
    set(CURLOPT_WRITEDATA, request.get());
    return request;
  }

  static std::size_t skip_body(char*, std::size_t size, std::size_t count, void*) { return size * count; }
  static std::size_t keep_body(char* data, std::size_t size, std::size_t count, void* self) {
    auto& body = static_cast<Request*>(self)->body;
    body.append(data, std::min(size * count, kMostBody - std::min(kMostBody, body.size())));
    return size * count;
  }

  void finish(CURL* easy, CURLcode rc, Ns at) {
    Request* done = nullptr;
    curl::check("find a request", curl_easy_getinfo(easy, CURLINFO_PRIVATE, &done));
    const std::uint64_t n = done->n;
    std::string error = rc == CURLE_OK ? judge(*done) : curl::error_of(rc, easy);
    transfers_.remove(easy);
    auto node = flying_.extract(n);
    // One that failed is not used again: what curl remembers of its error must not be taken for the next one's.
    if (rc == CURLE_OK) spare_.push_back(std::move(node.mapped()));
    verdict_(n, at, std::move(error));
  }

  std::string judge(const Request& done) const {
    long status = 0;
    curl_easy_getinfo(done.easy.get(), CURLINFO_RESPONSE_CODE, &status);
    const bool right = expected_status_ ? status == *expected_status_ : status >= 200 && status < 400;
    if (!right) return fmt::format("status {}", status);
    if (done.body.find(expected_body_) == std::string::npos) return "body";
    return read_body_ ? read_body_(done.n, done.body) : "";
  }

  const Probe& probe_;
  const std::string url_, method_, body_, expected_body_;
  std::optional<std::int64_t> expected_status_;  ///< none: any 2xx or 3xx
  const bool reuse_;
  Verdict verdict_;
  ReadBody read_body_;
  curl::List known_, headers_;
  bool v6_ = false;                   // what the host's name stood for before the run
  std::vector<std::string> clients_;  // as curl wants them
  std::unordered_map<std::uint64_t, std::unique_ptr<Request>> flying_;
  std::vector<std::unique_ptr<Request>> spare_;
  curl::Transfers transfers_;  // the last: closing its connections calls back while all else is there
};

std::unique_ptr<Asker> make_http(const Setting& setting) { return std::make_unique<Http>(setting); }

constexpr std::string_view kSchemes[] = {"http://", "https://"};

bool looks_like_url(std::string_view text) {
  return std::any_of(std::begin(kSchemes), std::end(kSchemes), [&](auto scheme) { return text.starts_with(scheme); });
}

Read<std::string> read_http_url(const std::string& text) {
  for (const std::string_view scheme : kSchemes) {
    if (!text.starts_with(scheme) || text.size() == scheme.size() || text[scheme.size()] == '/' ||
        text[scheme.size()] == ':' ||
        std::any_of(text.begin(), text.end(), [](unsigned char c) { return c <= ' ' || c == 0x7f; }))
      continue;
    std::string host = text.substr(scheme.size(), text.find_first_of("/?#", scheme.size()) - scheme.size());
    host = host.substr(host.rfind('@') + 1);
    if (const auto endpoint = read_endpoint(host))
      host = endpoint->host;
    else if (!host.starts_with("["))
      host = host.substr(0, host.find(':'));
    else if (host.size() > 2 && host.ends_with("]"))
      host = host.substr(1, host.size() - 2);
    if (const auto zone = host.find("%25"); zone != std::string::npos) host.erase(zone + 1, 2);  // as URLs write it
    auto read = read_asked(host);
    if (read.value) read.value = text;
    return read;
  }
  return unfit(text, "a URL");
}

Read<std::string> read_method(const std::string& text) {
  const auto upper = [](char c) { return c >= 'A' && c <= 'Z'; };
  if (!text.empty() && std::all_of(text.begin(), text.end(), upper)) return {text, {}, {}};
  return unfit(text, "an HTTP method");
}

std::vector<Problem> check_headers(const Params& params) {
  std::vector<Problem> problems;
  for (const auto& [name, value] : params.fields("headers"))
    if (name.empty() || (name + value).find_first_of("\r\n") != std::string::npos ||
        name.find_first_of(": ") != std::string::npos)
      problems.push_back({"headers", fmt::format("\"{}\" is not a header", name),
                          "a name has no colon or space, and neither name nor value a line break"});
  return problems;
}

}  // namespace

Kind kinds::http() {
  return {
      .subject = {.name = "http",
                  .type = ValueType::text,
                  .doc = "The URL that it asks for, http or https.",
                  .example = "\"http://10.0.1.10:8080/pay\"",
                  .read = read_http_url},
      .keys = {{.name = "expect.status",
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
               {.name = "headers",
                .type = ValueType::fields,
                .doc = "Headers of the request, by name.",
                .example = "{ Accept = \"text/plain\" }",
                .otherwise = "none"},
               {.name = "reuse",
                .type = ValueType::boolean,
                .doc = "Keeps connections between requests.",
                .example = "true",
                .fallback = false}},
      .request = "one HTTP request, on a new connection (`reuse = true` keeps connections)",
      .option = "Ask this URL meanwhile",
      .value = "URL",
      .make = make_http,
      .check = check_headers,
      .meant = looks_like_url,
      .errors = {{"status 503", true}, {"body"}, {"resolve"}, {"tls"}, {"protocol"}, {"connect"}, {"curl 56", true}}};
}

}  // namespace faultline::probe
