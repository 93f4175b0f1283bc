// `faultline completion SHELL` and `faultline man`: what packages install, and what anyone can ask for.
#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>

#include "injector/base/visible_text.h"
#include "injector/cli/app.h"
#include "injector/cli/manual.h"

namespace faultline::cli {
namespace {

Exit write_pages(const CLI::App& root, const std::string& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  for (const auto& [name, text] : man_pages(root)) {
    const auto path = std::filesystem::path(folder) / name;
    std::ofstream file(path, std::ios::binary);
    file << text;
    file.close();
    if (!file) throw Failure(Exit::cannot_run, fmt::format("--all {}: {} cannot be written", folder, path.string()));
  }
  return Exit::passed;
}

}  // namespace

void setup_completion(CLI::App& app, Context& context) {
  auto shell = std::make_shared<std::string>();
  CLI::App* sub = app.add_subcommand("completion", "Print a completion script for a shell");
  sub->add_option("SHELL", *shell, "The shell")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}).description(""))
      ->type_name("bash|zsh|fish");
  sub->footer(
      "bash: source <(faultline completion bash)\nzsh:  source <(faultline completion zsh)     (after compinit)\n"
      "fish: faultline completion fish | source\nThe Debian package installs them. Exit status: 0.");
  sub->callback([shell, &app, &context] {
    context.chosen = [shell, &app] {
      print(stdout, *shell == "bash"  ? bash_completion(app)
                    : *shell == "zsh" ? zsh_completion(app)
                                      : fish_completion(app));
      return Exit::passed;
    };
  });
}

void setup_man(CLI::App& app, Context& context) {
  struct Arguments {
    std::vector<std::string> path;
    std::string folder;
  };
  auto arguments = std::make_shared<Arguments>();
  CLI::App* sub = app.add_subcommand("man", "Print the man page of a command, in roff");
  sub->add_option("COMMAND", arguments->path, "The command, such as run, or inject degrade; default: faultline itself");
  sub->add_option("--all", arguments->folder, "Write every page into this folder instead")->type_name("DIR");
  sub->footer("To read one: faultline man run | man -l -. Exit status: 0, or 3 for an unknown command.");
  sub->callback([arguments, &app, &context] {
    context.chosen = [arguments, &app] {
      if (!arguments->folder.empty()) return write_pages(app, arguments->folder);
      print(stdout, man_page(app, arguments->path));
      return Exit::passed;
    };
  });
}

}  // namespace faultline::cli
