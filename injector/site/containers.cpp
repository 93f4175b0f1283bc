#include "injector/site/containers.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "injector/base/error.h"
#include "injector/base/output.h"
#include "injector/base/program.h"

namespace faultline::site {
namespace {

constexpr long kPatience = 5000;  // ms; an API that hangs must not hang us
constexpr std::size_t kMostBytes = 16 << 20;

std::size_t append(char* data, std::size_t size, std::size_t count, void* to) {
  auto& text = *static_cast<std::string*>(to);
  if (text.size() + size * count > kMostBytes) return 0;
  text.append(data, size * count);
  return size * count;
}

struct DockerReply {
  long status = 0;
  std::string body, error;
};

DockerReply ask(const ContainerRuntimes::Api& api, const std::string& path) {
  DockerReply answer;
  const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl(curl_easy_init(), curl_easy_cleanup);
  if (!curl) return {0, {}, "no memory"};
  curl_easy_setopt(curl.get(), CURLOPT_UNIX_SOCKET_PATH, api.socket.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_URL, ("http://localhost" + path).c_str());
  curl_easy_setopt(curl.get(), CURLOPT_PROXY, "");
  curl_easy_setopt(curl.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_TIMEOUT_MS, kPatience);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, append);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &answer.body);
  const CURLcode rc = curl_easy_perform(curl.get());
  if (rc != CURLE_OK) answer.error = curl_easy_strerror(rc);
  curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &answer.status);
  return answer;
}

}  // namespace

ContainerRuntimes::ContainerRuntimes() {
  std::error_code error;
  for (const auto& [runtime, socket] :
       {std::pair{"docker", "/run/docker.sock"}, std::pair{"podman", "/run/podman/podman.sock"}})
    if (std::filesystem::is_socket(socket, error)) apis_.push_back({runtime, socket});
  podman_command_ = can_execute("podman");
}

std::optional<Container> read_container(const std::string& runtime, const std::string& text) {
  auto json = nlohmann::json::parse(text, nullptr, false);
  if (json.is_array() && json.size() == 1) json = nlohmann::json(json[0]);
  if (!json.is_object() || !json.contains("State") || !json["State"].is_object()) return std::nullopt;
  const auto& state = json["State"];
  Container container;
  container.runtime = runtime;
  if (json.contains("Id") && json["Id"].is_string()) container.id = json["Id"];
  if (state.contains("Status") && state["Status"].is_string()) container.status = state["Status"];
  if (state.contains("Pid") && state["Pid"].is_number_integer()) container.pid = state["Pid"];
  return container;
}

std::optional<Container> ContainerRuntimes::find(const std::string& name) const {
  if (apis_.empty() && !podman_command_)
    throw Failure(Exit::cannot_run,
                  "no container runtime is found: there is neither /run/docker.sock nor /run/podman/podman.sock nor "
                  "the command podman");
  std::vector<std::string> troubles;
  for (const auto& api : apis_) {
    const DockerReply answer = ask(api, "/containers/" + name + "/json");
    if (answer.error.empty() && answer.status == 404) continue;
    auto container =
        answer.error.empty() && answer.status == 200 ? read_container(api.runtime, answer.body) : std::nullopt;
    if (container) return container;
    troubles.push_back(fmt::format("{} at {} does not answer: {}", api.runtime, api.socket,
                                   answer.error.empty() ? fmt::format("HTTP status {}", answer.status) : answer.error));
  }
  if (podman_command_) {
    int status = 0;
    const std::string text = output_of({"podman", "inspect", "--type", "container", name}, status);
    if (status == 0)
      if (auto container = read_container("podman", text)) return container;
    if (status == -1) troubles.emplace_back("podman inspect does not answer");
  }
  if (!troubles.empty()) throw Failure(Exit::cannot_run, fmt::format("{}", fmt::join(troubles, "; ")));
  return std::nullopt;
}

}  // namespace faultline::site
