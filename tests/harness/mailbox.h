// An HTTP server on loopback that keeps what it is told, and answers as a test says.
#pragma once

#include <httplib.h>

#include <chrono>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

namespace faultline::test {

class Mailbox {
 public:
  struct Letter {
    std::string method, path;
    httplib::Headers headers;
    nlohmann::json body;
    int from_port = 0;  ///< of the connection that it came over
  };

  Mailbox() {
    const auto take = [this](const httplib::Request& request, httplib::Response& response) {
      const std::lock_guard lock(mutex_);
      letters_.push_back({request.method, request.path, request.headers,
                          nlohmann::json::parse(request.body, nullptr, false), request.remote_port});
      response.status = failures_ > 0 ? 503 : status_;
      failures_ -= failures_ > 0;
      response.set_content(answer_, "application/json");
    };
    server_.Post(".*", take);
    server_.Patch(".*", take);
    port_ = server_.bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    while (!server_.is_running()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  ~Mailbox() {
    server_.stop();
    thread_.join();
  }

  std::string url(const std::string& path = "") const { return "http://127.0.0.1:" + std::to_string(port_) + path; }
  void answer(int status, std::string body = "{}") {
    const std::lock_guard lock(mutex_);
    status_ = status;
    answer_ = std::move(body);
  }
  /// The next so many are answered with 503.
  void fail(int times) {
    const std::lock_guard lock(mutex_);
    failures_ = times;
  }
  std::vector<Letter> letters() const {
    const std::lock_guard lock(mutex_);
    return letters_;
  }

 private:
  httplib::Server server_;
  int port_ = 0;
  mutable std::mutex mutex_;
  std::vector<Letter> letters_;
  int status_ = 200, failures_ = 0;
  std::string answer_ = "{}";
  std::thread thread_;
};

}  // namespace faultline::test
