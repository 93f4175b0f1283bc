// libcurl on a probe's event loop, by its multi interface: curl tells which descriptors and which timer it needs, and
// the loop watches them, so that the instant of sending stays the probe's.
#pragma once

#include <curl/curl.h>

#include <exception>
#include <functional>
#include <memory>
#include <string>

#include "injector/probe/loop.h"

namespace faultline::probe::curl {

struct Free {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
  void operator()(char* text) const { curl_free(text); }
};
using Easy = std::unique_ptr<CURL, Free>;
using List = std::unique_ptr<curl_slist, Free>;

void append(List& list, const std::string& line);
/// Throws std::runtime_error that names the attempt.
void check(const char* attempt, CURLcode rc);
/// A probe's word for what became of a transfer that failed: "timeout", "refused", "tls".
std::string error_of(CURLcode rc, CURL* easy);

/// Transfers under way. All on the thread of the loop, which outlives this.
class Transfers {
 public:
  /// One has ended, at `at` (CLOCK_MONOTONIC). It is still among those under way.
  using Done = std::function<void(CURL* easy, CURLcode rc, Ns at)>;

  Transfers(EventLoop& loop, Done done);

  /// Begins one. It may be done before this returns.
  void add(CURL* easy);
  void remove(CURL* easy);
  /// When curl wants wake() to be called (CLOCK_MONOTONIC).
  Ns wake_at() const { return wake_at_; }
  void wake();

 private:
  // A multi handle closes connections, and so calls back, when it dies: it is the last member.
  struct FreeMulti {
    void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
  };
  static int on_socket(CURL*, curl_socket_t fd, int what, void* self, void*);
  static int on_timer(CURLM*, long milliseconds, void* self);
  void act(curl_socket_t fd, int ready);

  EventLoop& loop_;
  const Done done_;
  Ns wake_at_ = kNever;
  std::exception_ptr failure_;
  std::unique_ptr<CURLM, FreeMulti> multi_;
};

}  // namespace faultline::probe::curl
