#include "injector/cli/app.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdio>
#include <sstream>

#include "injector/base/visible_text.h"
#include "injector/cli/manual.h"
#include "injector/cli/terminal.h"
#include "injector/cli/words.h"
#include "injector/plan/values.h"

namespace faultline::cli {
namespace {

constexpr const char* kFooter = R"(Exit status:
  0  passed: every hypothesis held; completed: the plan has none
  1  deviated: a hypothesis failed
  2  inconclusive: a fault met no packet, the injector ran late, the service was not steady, a probe never ran
  3  the plan or the arguments are invalid
  4  cannot run here: privilege, kernel, or a target that is not found
  5  aborted: by a guard, by you (a signal, `faultline stop`), or because the injector was stopped and continued
  6  Faultline's own failure, or cleanup incomplete
When several hold: 6 > 5 > 2 > 1 > 0.)";

constexpr const char* kFirstSteps = R"(what shall it do? First steps:
  faultline doctor           what this machine allows, and what to do about the rest
  faultline list             the experiments that come with it, and the kinds of fault
  faultline explain hello    what an experiment would do; touches nothing
  sudo faultline run hello   runs it: a lab of its own, baseline, fault, recovery, verdict
  faultline new              writes a first plan of your own, from a few answers
`faultline --help` names every command, `faultline COMMAND --help` its options.)";

int complain(const std::string& message, Exit status) {
  print(stderr, "faultline: " + message + "\n");
  return static_cast<int>(status);
}

/// Why a command line was not understood, if that can be told: a command, or an
/// option, that is not there. Empty: it is something else.
std::string unknown_word(const CLI::App& app, const std::vector<std::string>& words) {
  const auto meant = [](const std::string& word, const std::vector<std::string>& known, const std::string& path) {
    const std::string near = plan::did_you_mean(word, known);
    return near.empty() ? "" : fmt::format("; did you mean `{}{}`?", path, near);
  };
  const CLI::App* at = &app;
  std::string path;
  std::size_t i = 1;
  for (; i < words.size() && !words[i].starts_with("-"); i++) {
    std::vector<std::string> names;
    const auto commands = commands_of(*at);
    for (const CLI::App* command : commands) names.push_back(command->get_name());
    const auto found = std::find(names.begin(), names.end(), words[i]);
    if (found == names.end() && names.empty()) break;
    if (found == names.end()) {
      const std::string near = meant(words[i], names, path);
      return fmt::format(
          "there is no command `{}{}`{}", path, words[i],
          near.empty() ? fmt::format("; there {} {}", names.size() == 1 ? "is" : "are", fmt::join(names, ", ")) : near);
    }
    at = commands[static_cast<std::size_t>(found - names.begin())];
    path += words[i] + " ";
  }
  std::vector<std::string> options;
  for (const auto& option : options_of(*at)) options.insert(options.end(), option.names.begin(), option.names.end());
  for (; i < words.size() && words[i] != "--"; i++) {
    const std::string name = words[i].substr(0, words[i].find('='));
    if (!name.starts_with("--") || std::find(options.begin(), options.end(), name) != options.end()) continue;
    const std::string command = "faultline " + path;
    return fmt::format("`{}` has no option `{}`{}\nRun `{}--help`.", command.substr(0, command.size() - 1), name,
                       meant(name, options, ""), command);
  }
  return "";
}

/// Why nothing comes of the command: in words, and to a program that waits for JSON in that.
int refuse(const std::vector<std::string>& words, const std::string& why, Exit status) {
  const auto end = std::find(words.begin(), words.end(), "--");
  if (!has_printed_json() &&
      std::any_of(words.begin(), end, [](const std::string& w) { return w == "--json" || w.starts_with("--json="); }))
    print_json({{"error", why}, {"exit_code", static_cast<int>(status)}});
  return complain(why, status);
}

}  // namespace

void set_up(CLI::App& app, Context& context) {
  app.require_subcommand(1);
  app.footer(kFooter);
  app.set_version_flag("--version", "faultline " FAULTLINE_VERSION);
  setup_run(app, context);
  setup_margin(app, context);
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
  setup_trace(app, context);
  setup_completion(app, context);
  setup_man(app, context);
  setup_schema(app, context);
}

int main_of(int argc, char** argv) {
  CLI::App app{
      "Faultline rehearses network outages: it attaches eBPF faults to services as a plan says, probes them, and "
      "records what was asked, what was applied and how the services behaved.",
      "faultline"};
  Context context;
  context.command.assign(argv, argv + argc);
  forget_printed_json();
  set_up(app, context);
  if (argc <= 1) return complain(kFirstSteps, Exit::invalid);  // not 0: a script that lost its words has not passed
  const auto failed = [&](const std::string& why, Exit status) { return refuse(context.command, why, status); };
  try {
    app.parse(argc, argv);
    refuse_empty_values(app);
    return static_cast<int>(context.chosen());
  } catch (const CLI::Success& e) {  // --help, --version
    std::ostringstream out, errors;
    const int status = app.exit(e, out, errors);
    print(stdout, out.str());
    print(stderr, errors.str());
    return status;
  } catch (const CLI::ParseError& e) {
    if (const std::string unknown = unknown_word(app, context.command); !unknown.empty())
      return failed(unknown, Exit::invalid);
    return failed(fmt::format("{}\nRun `faultline --help`, or `faultline COMMAND --help`.", e.what()), Exit::invalid);
  } catch (const Failure& e) {
    return failed(e.what(), e.status());
  } catch (const std::bad_alloc&) {
    return failed("out of memory", Exit::failed);
  } catch (const std::exception& e) {
    return failed(e.what(), Exit::failed);
  }
}

}  // namespace faultline::cli
