#include "injector/cli/manual.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>

#include "injector/base/error.h"

namespace faultline::cli {
namespace {

/// Text for roff: backslashes, dashes as they are typed, and no line that begins like a request.
std::string roff(std::string_view text) {
  std::string out;
  bool line_begins = true;
  for (const char c : text) {
    if (line_begins && (c == '.' || c == '\'')) out += "\\&";
    if (c == '\\')
      out += "\\e";
    else if (c == '-')
      out += "\\-";
    else
      out += c;
    line_begins = c == '\n';
  }
  return out;
}

std::string option_roff(const OptionText& option) {
  std::string out = ".TP\n";
  if (!option.positional.empty())
    return out + fmt::format("\\fI{}\\fR\n{}\n", roff(option.positional), roff(option.what));
  std::string names;
  for (const auto& name : option.names) names += fmt::format("{}\\fB{}\\fR", names.empty() ? "" : ", ", roff(name));
  return out + names + (option.value.empty() ? "" : fmt::format(" \\fI{}\\fR", roff(option.value))) + "\n" +
         roff(option.what) + "\n";
}

std::string synopsis(const std::vector<std::string>& path, const CLI::App& app) {
  std::string out = "\\fBfaultline";
  for (const auto& word : path) out += " " + roff(word);
  out += "\\fR";
  if (!commands_of(app).empty()) out += path.empty() ? " \\fICOMMAND\\fR" : " \\fIWHAT\\fR";
  out += " [\\fIoptions\\fR]";
  for (const auto& option : options_of(app))
    if (!option.positional.empty()) {
      const std::string name = fmt::format("\\fI{}\\fR{}", roff(option.positional), option.repeated ? " ..." : "");
      out += option.required ? " " + name : " [" + name + "]";
    }
  return out;
}

std::string options_roff(const CLI::App& app, const char* heading) {
  std::string out;
  std::vector<std::string> groups;
  for (const auto& option : options_of(app))
    if (std::find(groups.begin(), groups.end(), option.group) == groups.end()) groups.push_back(option.group);
  for (const auto& group : groups) {
    out += group == "Options" || group == "Positionals" ? (out.empty() ? fmt::format(".SH {}\n", heading) : "")
                                                        : fmt::format(".SS {}\n", roff(group));
    for (const auto& option : options_of(app))
      if (option.group == group) out += option_roff(option);
  }
  return out;
}

const CLI::App& find(const CLI::App& root, const std::vector<std::string>& path) {
  const CLI::App* app = &root;
  for (const auto& word : path) {
    const auto commands = commands_of(*app);
    const auto found =
        std::find_if(commands.begin(), commands.end(), [&](const CLI::App* c) { return c->get_name() == word; });
    if (found == commands.end()) throw Failure(Exit::invalid, fmt::format("there is no command `{}`", word));
    app = *found;
  }
  return *app;
}

std::string file_name(const std::vector<std::string>& path) {
  return fmt::format("faultline{}{}.1", path.empty() ? "" : "-", fmt::join(path, "-"));
}

}  // namespace

std::vector<OptionText> options_of(const CLI::App& app) {
  std::vector<OptionText> all;
  for (const CLI::Option* option : app.get_options()) {
    OptionText text;
    for (const auto& name : option->get_snames()) text.names.push_back("-" + name);
    for (const auto& name : option->get_lnames()) text.names.push_back("--" + name);
    if (text.names.empty()) text.positional = option->get_name(true);
    text.value = option->get_items_expected_max() == 0 ? "" : option->get_type_name();
    text.value.resize(
        std::min(text.value.find(":{"), text.value.size()));  // behind the type CLI11 names what it checks
    text.what = option->get_description();
    text.group = option->get_group();
    text.required = option->get_required();
    text.repeated = option->get_items_expected_max() > 1;
    // "a|b|c" of lower-case words is a choice; capitals stand for something to be filled in.
    if (text.value.find('|') != std::string::npos &&
        std::none_of(text.value.begin(), text.value.end(), [](unsigned char c) { return std::isupper(c) || c == ' '; }))
      for (std::size_t begin = 0; begin <= text.value.size();) {
        const auto bar = std::min(text.value.find('|', begin), text.value.size());
        text.choices.push_back(text.value.substr(begin, bar - begin));
        begin = bar + 1;
      }
    all.push_back(std::move(text));
  }
  return all;
}

std::vector<const CLI::App*> commands_of(const CLI::App& app) {
  auto commands = app.get_subcommands([](const CLI::App*) { return true; });
  std::erase_if(commands, [](const CLI::App* c) { return c->get_group().empty() || c->get_name().empty(); });
  return commands;
}

std::string man_page(const CLI::App& root, const std::vector<std::string>& path) {
  const CLI::App& app = find(root, path);
  std::string title = fmt::format("faultline{}{}", path.empty() ? "" : "-", fmt::join(path, "-"));
  const std::string name = title;
  std::transform(title.begin(), title.end(), title.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  std::string description = app.get_description();
  std::string out = fmt::format(".TH {} 1 \"\" \"faultline {}\" \"Faultline\"\n", roff(title), FAULTLINE_VERSION);
  const std::string first = description.substr(0, description.find(':'));
  out += fmt::format(".SH NAME\n{} \\- {}\n", roff(name), roff(path.empty() ? "rehearse network outages" : first));
  out += fmt::format(".SH SYNOPSIS\n{}\n", synopsis(path, app));
  out += fmt::format(".SH DESCRIPTION\n{}.\n",
                     roff(description.ends_with('.') ? description.substr(0, description.size() - 1) : description));
  out += options_roff(app, "OPTIONS");
  const auto commands = commands_of(app);
  if (!commands.empty()) {
    out += path.empty() ? ".SH COMMANDS\n" : ".SH KINDS\n";
    for (const auto* command : commands)
      out += fmt::format(".TP\n\\fB{}\\fR\n{}\n", roff(command->get_name()), roff(command->get_description()));
  }
  if (const std::string footer = app.get_footer(); !footer.empty()) {
    out += ".SH NOTES\n.nf\n" + roff(footer) + "\n.fi\n";
  }
  out += ".SH SEE ALSO\n";
  if (!path.empty()) out += "\\fBfaultline\\fR(1)";
  for (const auto* command : commands)
    out += fmt::format("{}\\fB{}\\-{}\\fR(1)", command == commands.front() && path.empty() ? "" : ", ", roff(name),
                       roff(command->get_name()));
  return out + "\n";
}

std::vector<std::pair<std::string, std::string>> man_pages(const CLI::App& root) {
  std::vector<std::pair<std::string, std::string>> pages{{file_name({}), man_page(root, {})}};
  const auto add = [&](const auto& self, const CLI::App& app, const std::vector<std::string>& path) -> void {
    for (const auto* command : commands_of(app)) {
      auto deeper = path;
      deeper.push_back(command->get_name());
      pages.emplace_back(file_name(deeper), man_page(root, deeper));
      self(self, *command, deeper);
    }
  };
  add(add, root, {});
  return pages;
}

}  // namespace faultline::cli
