#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <cstdio>
#include <memory>

#include "injector/base/visible_text.h"
#include "injector/cli/app.h"
#include "injector/run/running.h"
#include "injector/screen/row.h"

namespace faultline::cli {
namespace {

struct NoteArguments {
  std::string text, run;
};

Exit write_note(const NoteArguments& arguments) {
  if (arguments.text.find_first_not_of(" \t\r\n") == std::string::npos)
    throw Failure(Exit::invalid, "the note is empty");
  const auto runs = run::running();
  const run::Running& run = arguments.run.empty() ? run::only_run(runs, "--run") : run::find_run(runs, arguments.run);
  const auto when = run::note(run, arguments.text);
  const std::string name = screen::clipped(describe(run));
  if (when)
    print(stdout, shown("noted in {} at {:.1f} s\n", name, *when));
  else
    print(stdout, shown("noted in {}, which has not begun yet\n", name));
  return Exit::passed;
}

}  // namespace

void setup_note(CLI::App& app, Context& context) {
  auto arguments = std::make_shared<NoteArguments>();
  CLI::App* sub = app.add_subcommand("note", "Write a remark into the journal of a run under way");
  sub->add_option("TEXT", arguments->text, "What there is to say: \"the pager rang\"; 2000 bytes at most")->required();
  sub->add_option("--run", arguments->run, "Which run: its pid, plan or folder; needed when there are several")
      ->type_name("RUN");
  sub->footer("Exit status: 0 noted, 3 which run is not clear, 4 no such run or no permission.");
  sub->callback([arguments, &context] { context.chosen = [arguments] { return write_note(*arguments); }; });
}

}  // namespace faultline::cli
