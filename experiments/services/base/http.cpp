#include "base/http.h"

#include <stdexcept>
#include <thread>

#include "base/address.h"
#include "base/service.h"

namespace demo {

Peer::Peer(const std::string& url, milliseconds connect) : connect_(connect) {
  const auto address = Address::of_url(url);
  if (!address) throw std::invalid_argument("no http://HOST:PORT: " + url);
  host_ = address->host;
  port_ = address->port;
}

Reply Peer::ask(const Ask& with, milliseconds patience) {
  std::unique_ptr<httplib::Client> client;
  {
    const std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      client = std::move(idle_.back());
      idle_.pop_back();
    }
  }
  if (!client) {
    client = std::make_unique<httplib::Client>(host_, port_);
    client->set_keep_alive(true);
    client->set_tcp_nodelay(true);
    client->set_address_family(AF_INET);
  }
  client->set_connection_timeout(std::min(connect_, patience));
  client->set_read_timeout(patience);
  client->set_write_timeout(patience);
  const httplib::Result result = with(*client);
  Reply reply;
  if (!result) {  // the connection is dead or may still bring an answer that nobody waits for: it is not kept
    const bool never =
        result.error() == httplib::Error::Connection || result.error() == httplib::Error::ConnectionTimeout;
    reply.fate = never ? Fate::not_sent : Fate::unknown;
    return reply;
  }
  reply.fate = Fate::answered;
  reply.status = result->status;
  reply.body = Json::parse(result->body, nullptr, false);
  const std::lock_guard lock(mutex_);
  idle_.push_back(std::move(client));
  return reply;
}

Reply Peer::get(const std::string& path, milliseconds patience) {
  return ask([&](httplib::Client& client) { return client.Get(path); }, patience);
}

Reply Peer::post(const std::string& path, const Json& body, milliseconds patience) {
  return ask([&](httplib::Client& client) { return client.Post(path, body.dump(), "application/json"); }, patience);
}

void Peer::warm(int connections) {
  std::vector<std::thread> asking;
  for (int i = 0; i < connections; i++) asking.emplace_back([this] { get("/health", milliseconds(2000)); });
  for (auto& thread : asking) thread.join();
}

namespace {
httplib::Server::Handler answering(const Handler& handler) {
  return [handler](const httplib::Request& request, httplib::Response& response) {
    Json answer;
    try {
      answer = handler(request, request.body.empty() ? Json::object() : Json::parse(request.body));
    } catch (const Status& other) {
      response.status = other.status;
      answer = other.body;
    } catch (const Json::exception& wrong) {
      response.status = 400;
      answer = {{"error", wrong.what()}};
    } catch (const std::exception& failure) {
      say(failure.what());
      response.status = 500;
      answer = {{"error", failure.what()}};
    }
    response.set_content(answer.dump(), "application/json");
  };
}
}  // namespace

void on_post(httplib::Server& server, const std::string& path, const Handler& handler) {
  server.Post(path, answering(handler));
}

void on_get(httplib::Server& server, const std::string& path, const Handler& handler) {
  server.Get(path, answering(handler));
}

void on_ready(httplib::Server& server, const std::function<bool()>& is_ready) {
  on_get(server, "/ready", [is_ready](const auto&, const Json&) -> Json {
    if (!is_ready()) throw Status{503, {{"state", "not yet"}}};
    return {{"state", "ready"}};
  });
}

}  // namespace demo
