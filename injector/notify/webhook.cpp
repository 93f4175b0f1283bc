#include <algorithm>

#include "injector/notify/sinks.h"

namespace faultline::notify {
namespace {

class ToWebhook : public Sink {
 public:
  ToWebhook(const plan::Plan& plan, Webhook webhook) : plan_(plan), webhook_(std::move(webhook)) {}
  void tell(const Happening& what, Carrier& carrier) override {
    if (!what.moment || std::find(webhook_.on.begin(), webhook_.on.end(), *what.moment) == webhook_.on.end()) return;
    Request request{"POST", webhook_.url, webhook_body(webhook_, plan_, what), {}};
    request.headers.assign(webhook_.headers.begin(), webhook_.headers.end());
    carrier.send(request);
  }

 private:
  const plan::Plan& plan_;
  const Webhook webhook_;
};

}  // namespace

std::unique_ptr<Sink> make_webhook(const plan::Plan& plan, Webhook webhook) {
  return std::make_unique<ToWebhook>(plan, std::move(webhook));
}

}  // namespace faultline::notify
