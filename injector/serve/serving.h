// What a run shows of itself while it goes on: /metrics for Prometheus, and / for the wall of a room. An observer: it
// reads, and nothing that anybody asks of it reaches the run.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "injector/observe/observer.h"
#include "injector/serve/address.h"
#include "injector/serve/http_server.h"
#include "injector/serve/live_page.h"
#include "injector/serve/metrics.h"

namespace faultline::serve {

struct Wish {
  Address address;
  std::string token;  ///< empty on loopback alone
};

class Serving : public observe::Observer {
 public:
  /// `wish`: nothing: this does nothing. `folder` is the run's. The plan must outlive this.
  Serving(const plan::Plan& plan, const std::optional<Wish>& wish, std::filesystem::path folder);
  /// Listens, and says where. Throws Failure(cannot_run) where it cannot: somebody asked for it.
  void prepare(const observe::Scene& scene) override;
  void begin(Ns epoch) override;
  void wait(Ns epoch) override { begin(epoch); }
  void go_on(Ns epoch) override { begin(epoch); }
  void sample(const probe::Sample& sample) override;
  void counted(const record::events::Telemetry& span) override;
  void healed() noexcept override;
  void take_apart() noexcept override;

 private:
  const std::optional<Wish> wish_;
  const std::filesystem::path folder_;
  std::unique_ptr<Metrics> metrics_;
  std::unique_ptr<LivePage> page_;
  std::unique_ptr<HttpServer> server_;  // asks the two above
};

}  // namespace faultline::serve
