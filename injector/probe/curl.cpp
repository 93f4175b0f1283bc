#include "injector/probe/curl.h"

#include <fmt/format.h>

#include <new>
#include <stdexcept>
#include <utility>

#include "injector/base/clock.h"
#include "injector/probe/errors.h"

namespace faultline::probe::curl {
namespace {

void check_multi(const char* attempt, CURLMcode rc) {
  if (rc != CURLM_OK) throw std::runtime_error(fmt::format("{}: {}", attempt, curl_multi_strerror(rc)));
}

}  // namespace

void append(List& list, const std::string& line) {
  curl_slist* longer = curl_slist_append(list.get(), line.c_str());
  if (!longer) throw std::bad_alloc();
  static_cast<void>(list.release());
  list.reset(longer);
}

void check(const char* attempt, CURLcode rc) {
  if (rc != CURLE_OK) throw std::runtime_error(fmt::format("{}: {}", attempt, curl_easy_strerror(rc)));
}

std::string error_of(CURLcode rc, CURL* easy) {
  long os = 0;
  curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &os);
  switch (rc) {
    case CURLE_COULDNT_RESOLVE_HOST:
      return "resolve";
    case CURLE_OPERATION_TIMEDOUT:
      return "timeout";
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
      return "closed";
    case CURLE_UNSUPPORTED_PROTOCOL:  // curl's name for an answer that is not HTTP at all
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
      return "protocol";
    case CURLE_COULDNT_CONNECT:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
      if (os == 0) return rc == CURLE_COULDNT_CONNECT ? "connect" : "closed";
      return rc == CURLE_COULDNT_CONNECT ? send_error(static_cast<int>(os)) : network_error(static_cast<int>(os));
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_INVALIDCERTSTATUS:
    case CURLE_PEER_FAILED_VERIFICATION:
      return "tls";
    default:
      return fmt::format("curl {}", static_cast<int>(rc));
  }
}

Transfers::Transfers(EventLoop& loop, Done done) : loop_(loop), done_(std::move(done)) {
  static const CURLcode global = curl_global_init(CURL_GLOBAL_DEFAULT);
  check("start libcurl", global);
  multi_.reset(curl_multi_init());
  if (!multi_) throw std::bad_alloc();
  check_multi("set up libcurl", curl_multi_setopt(multi_.get(), CURLMOPT_SOCKETFUNCTION, &Transfers::on_socket));
  check_multi("set up libcurl", curl_multi_setopt(multi_.get(), CURLMOPT_SOCKETDATA, this));
  check_multi("set up libcurl", curl_multi_setopt(multi_.get(), CURLMOPT_TIMERFUNCTION, &Transfers::on_timer));
  check_multi("set up libcurl", curl_multi_setopt(multi_.get(), CURLMOPT_TIMERDATA, this));
}

void Transfers::add(CURL* easy) {
  check_multi("start a request", curl_multi_add_handle(multi_.get(), easy));
  act(CURL_SOCKET_TIMEOUT, 0);
}

void Transfers::remove(CURL* easy) { curl_multi_remove_handle(multi_.get(), easy); }

void Transfers::wake() {
  wake_at_ = kNever;
  act(CURL_SOCKET_TIMEOUT, 0);
}

// curl calls these two from inside its own functions: they must neither call curl nor throw.
int Transfers::on_socket(CURL*, curl_socket_t fd, int what, void* self, void*) {
  auto* transfers = static_cast<Transfers*>(self);
  try {
    if (what == CURL_POLL_REMOVE) {
      transfers->loop_.unwatch(fd);
      return 0;
    }
    const std::uint32_t events = (what & CURL_POLL_IN ? EPOLLIN : 0U) | (what & CURL_POLL_OUT ? EPOLLOUT : 0U);
    transfers->loop_.watch(fd, events, [transfers, fd](std::uint32_t seen) {
      int ready = 0;
      if (seen & (EPOLLIN | EPOLLHUP)) ready |= CURL_CSELECT_IN;
      if (seen & EPOLLOUT) ready |= CURL_CSELECT_OUT;
      if (seen & EPOLLERR) ready |= CURL_CSELECT_ERR;
      transfers->act(fd, ready);
    });
    return 0;
  } catch (...) {
    transfers->failure_ = std::current_exception();
    return -1;
  }
}

int Transfers::on_timer(CURLM*, long milliseconds, void* self) {
  static_cast<Transfers*>(self)->wake_at_ = milliseconds < 0 ? kNever : monotonic_now() + milliseconds * kMillisecond;
  return 0;
}

void Transfers::act(curl_socket_t fd, int ready) {
  int running = 0;
  check_multi("drive libcurl", curl_multi_socket_action(multi_.get(), fd, ready, &running));
  if (failure_) std::rethrow_exception(failure_);
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi_.get(), &left))
    if (message->msg == CURLMSG_DONE) done_(message->easy_handle, message->data.result, monotonic_now());
}

}  // namespace faultline::probe::curl
