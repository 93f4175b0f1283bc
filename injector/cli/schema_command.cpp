// `faultline schema`: the plan language for editors.
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <cstdio>

#include "injector/base/visible_text.h"
#include "injector/cli/app.h"
#include "injector/plan/schema.h"

namespace faultline::cli {

void setup_schema(CLI::App& app, Context& context) {
  CLI::App* sub = app.add_subcommand("schema", "Print the plan language as a JSON Schema, for editors");
  sub->footer(
      "faultline schema > faultline.schema.json\nThen, on top of a plan: #:schema ./faultline.schema.json\n"
      "Editors that know Taplo (VS Code: Even Better TOML) complete and check it while you write.\nExit status: 0.");
  sub->callback([&context] {
    context.chosen = [] {
      print(stdout, plan::schema().dump(2) + "\n");
      return Exit::passed;
    };
  });
}

}  // namespace faultline::cli
