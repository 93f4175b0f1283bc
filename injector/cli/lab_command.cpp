#include <fmt/format.h>
#include <unistd.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdlib>
#include <memory>

#include "injector/base/privilege.h"
#include "injector/cli/app.h"
#include "injector/run/running.h"

namespace faultline::cli {
namespace {

struct ExecArguments {
  std::string host, run;
  std::vector<std::string> command;
};

/// The runs whose lab has the host; all of them when none has, for the message.
std::vector<run::Running> with_host(std::vector<run::Running> runs, const std::string& host) {
  std::vector<run::Running> fitting;
  for (const auto& run : runs)
    if (std::find(run.hosts.begin(), run.hosts.end(), host) != run.hosts.end()) fitting.push_back(run);
  return fitting.empty() ? runs : fitting;
}

Exit exec_in_lab(const ExecArguments& arguments) {
  std::vector<std::string> command = arguments.command;
  if (command.empty()) {
    const char* shell = std::getenv("SHELL");
    command.emplace_back(shell != nullptr && *shell != 0 ? shell : "/bin/sh");
  }
  if (geteuid() == 0 && in_user_namespace()) throw Failure(Exit::cannot_run, kUserNamespaceRoot);
  const auto runs = run::running();
  const auto fitting = with_host(runs, arguments.host);
  const run::Running& run =
      arguments.run.empty() ? run::only_run(fitting, "--run") : run::find_run(runs, arguments.run);
  return static_cast<Exit>(nursery::visit(run::enter(run, arguments.host), command));
}

}  // namespace

void setup_lab(CLI::App& app, Context& context) {
  auto arguments = std::make_shared<ExecArguments>();
  CLI::App* lab = app.add_subcommand("lab", "Look into the lab of a run under way");
  lab->require_subcommand(1);
  CLI::App* exec = lab->add_subcommand("exec", "Run a command, or a shell, on a host of the lab, with this terminal");
  exec->add_option("--run", arguments->run, "Which run: its pid, plan or folder; needed when several have such a host")
      ->type_name("RUN");
  exec->add_option("HOST", arguments->host, "A host of the lab")->required();
  exec->add_option("COMMAND", arguments->command, "After `--`: the command and its arguments; default: $SHELL")
      ->type_name("-- COMMAND ...");
  exec->footer(
      "The command runs as root, sees what the host's own command sees, and ends with the lab. Exit status: the "
      "command's;\n"
      "128 + n when signal n ended it; 4 when it could not be run there.");
  exec->callback([arguments, &context] { context.chosen = [arguments] { return exec_in_lab(*arguments); }; });
}

}  // namespace faultline::cli
