#include "injector/serve/serving.h"

#include <fmt/format.h>

#include <system_error>

#include "injector/base/error.h"

namespace faultline::serve {

Serving::Serving(const plan::Plan& plan, const std::optional<Wish>& wish, std::filesystem::path folder)
    : wish_(wish), folder_(std::move(folder)) {
  if (wish_) metrics_ = std::make_unique<Metrics>(plan, !wish_->address.loopback);
}

void Serving::prepare(const observe::Scene& scene) {
  if (!wish_) return;
  const bool plain = !wish_->address.loopback;
  try {
    Fd listening = listen_at(wish_->address);
    const std::string where = address_of(listening);
    page_ = std::make_unique<LivePage>(folder_, plain);
    server_ = std::make_unique<HttpServer>(
        std::move(listening), Access{wish_->token, plain},
        HttpServer::Pages{{"/",
                           [this] {
                             LivePage::Made page = page_->last();
                             return Content{std::move(page.html), "text/html; charset=utf-8", 200, page.tag};
                           }},
                          {"/metrics", [this] {
                             return Content{metrics_->text(), "text/plain; version=0.0.4; charset=utf-8"};
                           }}});
    scene.note(fmt::format("live at http://{}/, metrics at http://{}/metrics", where, where));
  } catch (const std::system_error& e) {
    throw Failure(Exit::cannot_run, fmt::format("--serve: {}", e.what()));
  }
}

void Serving::begin(Ns epoch) {
  if (metrics_) metrics_->begin(epoch);
}

void Serving::sample(const probe::Sample& sample) {
  if (metrics_) metrics_->sample(sample);
}

void Serving::counted(const record::events::Telemetry& span) {
  if (metrics_) metrics_->counted(span);
}

void Serving::healed() noexcept {
  if (metrics_) metrics_->healed();
}

void Serving::take_apart() noexcept {
  server_.reset();
  page_.reset();
}

}  // namespace faultline::serve
