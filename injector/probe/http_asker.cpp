#include "injector/probe/http_asker.h"

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>
#include <unordered_map>
#include <vector>

#include "injector/base/error.h"
#include "injector/base/written_address.h"
#include "injector/probe/address.h"
#include "injector/probe/curl.h"

namespace faultline::probe {
namespace {

bool same_header(const std::string& a, const std::string& b) { return curl_strequal(a.c_str(), b.c_str()) != 0; }

class Http : public Asker {
 public:
  Http(const Setting& s, HttpRequest request)
      : probe_(s.probe),
        asked_(std::move(request)),
        verdict_(s.verdict),
        transfers_(s.loop, [this](CURL* easy, CURLcode rc, Ns at) { finish(easy, rc, at); }) {
    read_url(s.from.names);
    refuse_what_libcurl_cannot();
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
    request->skipped = 0;
    CURL* easy = request->easy.get();
    if (!clients_.empty())
      curl::check("choose a client", curl_easy_setopt(easy, CURLOPT_INTERFACE, clients_[n % clients_.size()].c_str()));
    flying_.emplace(n, std::move(request));
    transfers_.add(easy);
  }

  std::shared_ptr<const Heard> heard(std::uint64_t n) override {
    const auto it = flying_.find(n);
    return it == flying_.end() ? nullptr : answer_of(*it->second);
  }

  void forget(std::uint64_t n) override {
    const auto it = flying_.find(n);
    if (it == flying_.end()) return;
    transfers_.remove(it->second->easy.get());
    held_ -= it->second->body.size();
    flying_.erase(it);
  }

  Ns wake_at() const override { return transfers_.wake_at(); }
  void wake() override { transfers_.wake(); }

 private:
  /// Bytes of all bodies that are kept at a time. A load has tens of thousands of requests under way.
  static constexpr std::size_t kMostHeld = 256 << 20;

  struct Request {
    std::uint64_t n = 0;
    std::string body;
    std::uint64_t skipped = 0;  ///< bytes of the body beyond that
    std::size_t most = 0;       ///< that are kept
    bool starved = false;       ///< of its body something is missing: all together were too much
    Http* asker = nullptr;
    curl::Easy easy;
  };

  [[noreturn]] void refuse(const std::string& why) const {
    throw Failure(Exit::invalid, fmt::format("probe \"{}\": {} = \"{}\": {}", probe_.name, probe_.kind->name(),
                                             probe_.shown_subject(), why));
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
    const CURLUcode rc = curl_url_set(url.get(), CURLUPART_URL, asked_.url.c_str(), 0);
    if (rc != CURLUE_OK) refuse(curl_url_strerror(rc));
    const std::string scheme = url_part(url.get(), CURLUPART_SCHEME);
    if (scheme != "http" && scheme != "https") refuse("only http:// and https:// can be asked");
    secured_ = scheme == "https";
    const std::string host = url_part(url.get(), CURLUPART_HOST);
    const std::string port = url_part(url.get(), CURLUPART_PORT);
    const bool bracketed = host.front() == '[';
    v6_ = resolve(probe_.name, bracketed ? host.substr(1, host.size() - 2) : host, port, names).family() == AF_INET6;
    if (const auto lab = names.find(host); lab != names.end()) {
      const bool v6 = lab->second.find(':') != std::string::npos;
      curl::append(known_, fmt::format("{}:{}:{}", host, port, v6 ? "[" + lab->second + "]" : lab->second));
    }
    if (asked_.tls.name.empty()) return;
    // Asked is the named server, at the address that the plan's URL has.
    curl::append(through_, fmt::format("{}:{}:{}:{}", asked_.tls.name, port, host, port));
    if (curl_url_set(url.get(), CURLUPART_HOST, asked_.tls.name.c_str(), 0) != CURLUE_OK) refuse("it cannot be named");
    char* text = nullptr;
    if (curl_url_get(url.get(), CURLUPART_URL, &text, 0) != CURLUE_OK) refuse("it cannot be named");
    const std::unique_ptr<char, curl::Free> owner(text);
    asked_.url = text;
  }

  /// Before 8.0 libcurl begins HTTP/2 once more on a connection that is kept, where it began it by prior knowledge
  /// (curl's issue 10634): every request but the first would fail.
  void refuse_what_libcurl_cannot() const {
    constexpr unsigned kMended = 0x080000;
    const auto* libcurl = curl_version_info(CURLVERSION_NOW);
    if (asked_.version != "2" || secured_ || !asked_.reuse || libcurl->version_num >= kMended) return;
    throw Failure(
        Exit::cannot_run,
        fmt::format("probe \"{}\": libcurl {} cannot keep a connection of HTTP/2 without TLS (8.0 can): leave "
                    "out reuse, or ask over https",
                    probe_.name, libcurl->version));
  }

  void read_headers() {
    bool agent = false, expect = false;
    for (const auto& [name, value] : asked_.headers) {
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
    request->asker = this;
    request->easy.reset(curl_easy_init());
    CURL* e = request->easy.get();
    if (!e) throw std::bad_alloc();
    const auto set = [e](CURLoption option, auto value) {
      curl::check("set up a request", curl_easy_setopt(e, option, value));
    };
    set(CURLOPT_URL, asked_.url.c_str());
    set(CURLOPT_PRIVATE, request.get());
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_NOPROXY, "*");
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_FOLLOWLOCATION, 0L);
    set(CURLOPT_RESOLVE, known_.get());
    if (through_) set(CURLOPT_CONNECT_TO, through_.get());
    set(CURLOPT_DNS_CACHE_TIMEOUT, 0L);
    set(CURLOPT_QUICK_EXIT,
        1L);  // else forgetting a request waits for its resolver thread, and all others wait with it
    set(CURLOPT_FORBID_REUSE, asked_.reuse ? 0L : 1L);
    set(CURLOPT_FRESH_CONNECT, asked_.reuse ? 0L : 1L);
    set(CURLOPT_SSL_SESSIONID_CACHE, asked_.reuse ? 1L : 0L);
    set(CURLOPT_HTTPHEADER, headers_.get());
    if (!asked_.body.empty()) {
      set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(asked_.body.size()));
      set(CURLOPT_POSTFIELDS, asked_.body.c_str());
    }
    if (asked_.method == "HEAD") set(CURLOPT_NOBODY, 1L);
    if (asked_.method != "GET" || !asked_.body.empty()) set(CURLOPT_CUSTOMREQUEST, asked_.method.c_str());
    request->most = asked_.keeps_body ? kMostBody : Heard::kMost;
    set(CURLOPT_WRITEFUNCTION, &Http::keep_body);
    set(CURLOPT_WRITEDATA, request.get());
    choose_version(e);
    if (secured_) secure(e);
    return request;
  }

  void choose_version(CURL* e) const {
    if (asked_.version.empty()) return;  // libcurl's own choice is documented as ours
    long version = CURL_HTTP_VERSION_1_1;
    if (asked_.version == "2") version = secured_ ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE;
    curl::check("choose a version of HTTP", curl_easy_setopt(e, CURLOPT_HTTP_VERSION, version));
    // Requests that are due before the first connection is up wait for it, rather than to make one each.
    if (version != CURL_HTTP_VERSION_1_1 && asked_.reuse)
      curl::check("share a connection", curl_easy_setopt(e, CURLOPT_PIPEWAIT, 1L));
  }

  void secure(CURL* e) const {
    const auto set = [e](CURLoption option, auto value) {
      curl::check("set up TLS", curl_easy_setopt(e, option, value));
    };
    const Tls& tls = asked_.tls;
    if (!tls.ca.empty()) {
      set(CURLOPT_CAINFO, tls.ca.c_str());
      set(CURLOPT_CAPATH, static_cast<const char*>(nullptr));  // or the system's would be trusted beside it
    }
    if (!tls.certificate.empty()) {
      set(CURLOPT_SSLCERT, tls.certificate.c_str());
      set(CURLOPT_SSLKEY, (tls.key.empty() ? tls.certificate : tls.key).c_str());
    }
    if (!tls.insecure) return;
    set(CURLOPT_SSL_VERIFYPEER, 0L);
    set(CURLOPT_SSL_VERIFYHOST, 0L);
  }

  static std::size_t keep_body(char* data, std::size_t size, std::size_t count, void* self) {
    auto& request = *static_cast<Request*>(self);
    std::size_t taken = std::min(size * count, request.most - request.body.size());
    if (request.asker->held_ + taken > kMostHeld) {
      request.starved |= taken > 0;
      taken = 0;
    }
    request.asker->held_ += taken;
    request.body.append(data, taken);
    request.skipped += size * count - taken;
    return size * count;
  }
  static std::shared_ptr<const Heard> answer_of(const Request& request, std::string mismatch = {}) {
    return kept(request.body, {}, request.skipped, std::move(mismatch));
  }

  void finish(CURL* easy, CURLcode rc, Ns at) {
    Request* done = nullptr;
    curl::check("find a request", curl_easy_getinfo(easy, CURLINFO_PRIVATE, &done));
    const std::uint64_t n = done->n;
    std::string mismatch;
    std::string error = rc != CURLE_OK ? curl::error_of(rc, easy) : done->starved ? "overload" : judge(*done, mismatch);
    auto said = error.empty() ? nullptr : answer_of(*done, std::move(mismatch));
    give_back(*done);
    transfers_.remove(easy);
    auto node = flying_.extract(n);
    // One that failed is not used again: what curl remembers of its error must not be taken for the next one's.
    if (rc == CURLE_OK) spare_.push_back(std::move(node.mapped()));
    verdict_(n, at, std::move(error), std::move(said));
  }

  /// What a body took: a load may have many of them, and the largest do not stay.
  void give_back(Request& request) {
    held_ -= request.body.size();
    if (request.body.capacity() > Heard::kMost) std::string().swap(request.body);
    request.body.clear();
    request.starved = false;
  }

  std::string judge(const Request& done, std::string& mismatch) const {
    CURL* easy = done.easy.get();
    long version = 0;
    HttpAnswer answer;
    curl_easy_getinfo(easy, CURLINFO_HTTP_VERSION, &version);
    if (asked_.version == "2" && version != CURL_HTTP_VERSION_2_0) {
      mismatch = mismatch_text("version of HTTP", "2", "an older one");
      return "version";
    }
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &answer.status);
    answer.n = done.n;
    answer.body = done.body;
    answer.header = [easy](const std::string& name) -> std::optional<std::string> {
      // Those of one name stand for one, with a comma between them (RFC 9110, section 5.3).
      std::optional<std::string> all;
      curl_header* header = nullptr;
      for (std::size_t i = 0;
           curl_easy_header(easy, name.c_str(), i, CURLH_HEADER | CURLH_TRAILER, -1, &header) == CURLHE_OK; ++i)
        all = all ? *all + ", " + header->value : std::string(header->value);
      return all;
    };
    std::string error = asked_.judge(answer);
    if (!error.empty() && asked_.mismatch) mismatch = asked_.mismatch(answer);
    return error;
  }

  const Probe& probe_;
  HttpRequest asked_;
  Verdict verdict_;
  curl::List known_, headers_, through_;
  std::size_t held_ = 0;  // bytes of the bodies of all requests under way
  bool secured_ = false;
  bool v6_ = false;                   // what the host's name stood for before the run
  std::vector<std::string> clients_;  // as curl wants them
  std::unordered_map<std::uint64_t, std::unique_ptr<Request>> flying_;
  std::vector<std::unique_ptr<Request>> spare_;
  curl::Transfers transfers_;  // the last: closing its connections calls back while all else is there
};

constexpr std::string_view kSchemes[] = {"http://", "https://"};

}  // namespace

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

std::string without_slashes_behind(std::string url) {
  while (url.ends_with('/')) url.pop_back();
  return url;
}

std::optional<Problem> header_problem(std::string_view key, const std::string& name, const std::string& value) {
  if (!name.empty() && name.find_first_of(": \r\n") == std::string::npos &&
      value.find_first_of("\r\n") == std::string::npos)
    return {};
  return Problem{std::string(key), fmt::format("\"{}\" is not a header", name),
                 "a name has no colon or space, and neither name nor value a line break"};
}

void check_headers(const Params& params, std::string_view key, std::vector<Problem>& problems) {
  for (const auto& [name, value] : params.fields(key))
    if (auto problem = header_problem(key, name, value)) problems.push_back(std::move(*problem));
}

std::vector<Problem> check_http(const Params& params, std::string_view kind) {
  std::vector<Problem> problems;
  check_headers(params, "headers", problems);
  check_tls(params, params.text(kind), problems);
  return problems;
}

std::vector<OwnError> with_http_errors(std::vector<OwnError> errors) {
  for (const OwnError& error : std::initializer_list<OwnError>{
           {"status 503", true}, {"resolve"}, {"tls"}, {"protocol"}, {"connect"}, {"curl 56", true}})
    errors.push_back(error);
  return errors;
}

std::unique_ptr<Asker> make_http_asker(const Setting& setting, HttpRequest request) {
  return std::make_unique<Http>(setting, std::move(request));
}

}  // namespace faultline::probe
