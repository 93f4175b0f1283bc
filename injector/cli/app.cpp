#include "injector/cli/app.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdio>

#include "injector/plan/values.h"

namespace faultline::cli {
namespace {

constexpr const char* kFooter = R"(Exit status:
  0  passed: every hypothesis held
  1  deviated: a hypothesis failed
  2  inconclusive: a fault met no packet, the injector ran late, the service was not steady, a probe never ran
  3  the plan or the arguments are invalid
  4  cannot run here: privilege, kernel, or a target that is not found
  5  aborted: by a guard, by you (a signal, `faultline stop`), or because the injector was stopped and continued
  6  Faultline's own failure, or cleanup incomplete
When several hold: 6 > 5 > 2 > 1 > 0.)";

int complain(const std::string& message, Exit status) {
  fmt::print(stderr, "faultline: {}\n", message);
  return static_cast<int>(status);
}

/// What is wrong when no subcommand was recognised.
std::string unknown_command(const std::string& word, const std::vector<std::string>& commands) {
  const std::string meant = plan::did_you_mean(word, commands);
  return meant.empty() ? fmt::format("there is no command `{}`; there are {}", word, fmt::join(commands, ", "))
                       : fmt::format("there is no command `{}`; did you mean `{}`?", word, meant);
}

}  // namespace

void set_up(CLI::App& app, Context& context) {
  app.require_subcommand(1);
  app.footer(kFooter);
  app.set_version_flag("--version", "faultline " FAULTLINE_VERSION);
  setup_run(app, context);
  setup_check(app, context);
  setup_report(app, context);
  setup_compare(app, context);
  setup_stop(app, context);
  setup_note(app, context);
  setup_lab(app, context);
  setup_explain(app, context);
  setup_doctor(app, context);
  setup_list(app, context);
  setup_inject(app, context);
  setup_new(app, context);
  setup_completion(app, context);
  setup_man(app, context);
}

int main_of(int argc, char** argv) {
  CLI::App app{"Faultline rehearses network outages: it attaches eBPF faults to services as a plan says, probes them, and "
               "records what was asked, what was applied and how the services behaved.",
               "faultline"};
  Context context;
  context.command.assign(argv, argv + argc);
  set_up(app, context);
  try {
    app.parse(argc, argv);
    return static_cast<int>(context.chosen());
  } catch (const CLI::Success& e) {  // --help, --version
    return app.exit(e);
  } catch (const CLI::ParseError& e) {
    if (argc > 1 && argv[1][0] != '-' && app.get_subcommands().empty()) {
      std::vector<std::string> commands;
      for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; })) commands.push_back(sub->get_name());
      return complain(unknown_command(argv[1], commands), Exit::invalid);
    }
    return complain(fmt::format("{}\nRun `faultline --help`, or `faultline COMMAND --help`.", e.what()), Exit::invalid);
  } catch (const Failure& e) {
    return complain(e.what(), e.status());
  } catch (const std::bad_alloc&) {
    return complain("out of memory", Exit::failed);
  } catch (const std::exception& e) {
    return complain(e.what(), Exit::failed);
  }
}

}  // namespace faultline::cli
