#include <fmt/format.h>

#include <cstdio>
#include <memory>

#include "injector/cli/app.h"
#include "injector/cli/list_runs.h"

namespace faultline::cli {

void setup_list(CLI::App& app, Context& context) {
  struct Arguments {
    bool runs = false, json = false;
  };
  auto arguments = std::make_shared<Arguments>();
  CLI::App* sub = app.add_subcommand("list", "List the runs under way");
  sub->add_flag("--runs", arguments->runs, "The runs under way");
  sub->add_flag("--json", arguments->json, "Print JSON");
  sub->callback([arguments, &context] {
    context.chosen = [arguments] {
      if (arguments->json) fmt::print("{}\n", runs_json().dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
      else fmt::print("{}", runs_text());
      std::fflush(stdout);
      return Exit::passed;
    };
  });
}

}  // namespace faultline::cli
