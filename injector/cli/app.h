// The command line: one file per subcommand, each an options struct with setup_x(app) and run_x(options). The exit
// statuses are documented here and in docs/exit-status.md; nothing else in Faultline prints or exits.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "injector/base/error.h"

namespace CLI {
class App;
}

namespace faultline::cli {

/// Parses, runs one subcommand, prints, and returns the process's exit status. Never throws.
int main_of(int argc, char** argv);

/// What the subcommands share.
struct Context {
  std::vector<std::string> command;  ///< argv
  std::function<Exit()> chosen;      ///< set by the subcommand that was named
};

/// Every command with its options, as main_of() parses them; also for what asks the definitions themselves.
void set_up(CLI::App& app, Context& context);

void setup_run(CLI::App& app, Context& context);
void setup_margin(CLI::App& app, Context& context);
void setup_check(CLI::App& app, Context& context);
void setup_report(CLI::App& app, Context& context);
void setup_compare(CLI::App& app, Context& context);
void setup_stop(CLI::App& app, Context& context);
void setup_note(CLI::App& app, Context& context);
void setup_lab(CLI::App& app, Context& context);
void setup_explain(CLI::App& app, Context& context);
void setup_doctor(CLI::App& app, Context& context);
void setup_list(CLI::App& app, Context& context);
void setup_inject(CLI::App& app, Context& context);
void setup_new(CLI::App& app, Context& context);
void setup_completion(CLI::App& app, Context& context);
void setup_man(CLI::App& app, Context& context);
void setup_trace(CLI::App& app, Context& context);
void setup_schema(CLI::App& app, Context& context);

}  // namespace faultline::cli
