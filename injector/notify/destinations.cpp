#include "injector/notify/destinations.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "injector/base/error.h"
#include "injector/base/file_text.h"
#include "injector/plan/table.h"
#include "injector/probe/http_asker.h"

namespace faultline::notify {
namespace {

using plan::Table;

/// What was read from the environment so far. A reader of values is a plain function.
thread_local std::set<std::string> names_read;

/// What a text stands for: itself, or of "env:NAME" what the environment has.
Read<std::string> read_text(std::string_view text) {
  constexpr std::string_view kPrefix = "env:";
  if (!text.starts_with(kPrefix)) {
    if (text.empty()) return {{}, "it is empty", "write it, or env:NAME to have it from the environment"};
    return {std::string(text), {}, {}};
  }
  const std::string name(text.substr(kPrefix.size()));
  const char* value = std::getenv(name.c_str());
  names_read.insert(name);
  if (value == nullptr || *value == '\0')
    return {{}, fmt::format("the environment has no {}", name), fmt::format("export {}=… before the run", name)};
  return {std::string(value), {}, {}};
}

Read<std::string> read_url(std::string_view text) {
  auto meant = read_text(text);
  if (!meant.value) return meant;
  // A URL from the environment is a secret: it is not shown, whatever is wrong with it.
  if (auto read = probe::read_http_url(*meant.value); read.value) return read;
  return {{}, "it is not a URL", "write url = \"https://…\", or url = \"env:NAME\""};
}

std::map<std::string, std::string> read_headers(Table& table) {
  std::map<std::string, std::string> headers;
  for (auto& [name, text] : table.text_map("headers", "{ Authorization = \"env:TOKEN\" }")) {
    const auto value = read_text(text);
    const plan::SourcePlace at = table.place("headers");
    if (!value.value)
      table.issues().error(at, fmt::format("headers: {}: {}", name, value.error), value.hint);
    else if (const auto problem = probe::header_problem("headers", name, *value.value))
      table.issues().error(at, fmt::format("{}: {}", problem->key, problem->message), problem->hint);
    else
      headers.emplace(name, *value.value);
  }
  return headers;
}

std::string read_address(Table& table) {
  table.require("url", "\"https://…\"");
  return table.scalar("url", "\"https://…\"", read_url).value_or("");
}

constexpr std::pair<const char*, Moment> kMoments[] = {
    {"begin", Moment::begin}, {"fault", Moment::fault}, {"guard", Moment::guard}, {"end", Moment::end}};

void read_moments(Table& table, std::vector<Moment>& moments) {
  if (!table.has("on")) {
    (void)table.take("on");
    return;
  }
  moments.clear();
  for (const auto& word : table.words("on", "[\"begin\", \"end\"]")) {
    const auto* known =
        std::find_if(std::begin(kMoments), std::end(kMoments), [&](const auto& one) { return one.first == word.text; });
    if (known != std::end(kMoments))
      moments.push_back(known->second);
    else
      table.issues().error(
          word.at, fmt::format("on: unknown value \"{}\"", word.text),
          table.issues().suggest(word.text, {"begin", "fault", "guard", "end"}, "choose of: begin, fault, guard, end"));
  }
}

Webhook read_webhook(const plan::Node& node, std::size_t number, plan::Issues& issues) {
  Table table(node, node.at, fmt::format("webhook {}", number), issues);
  Webhook webhook;
  webhook.url = read_address(table);
  // Whoever pastes Slack's address means Slack's form.
  const std::string host = host_of(webhook.url);
  webhook.slack = host == "hooks.slack.com";
  if (const auto form = table.choice("form", "\"slack\"", {"json", "slack"}, "form")) webhook.slack = *form == "slack";
  read_moments(table, webhook.on);
  webhook.headers = read_headers(table);
  table.finish();
  return webhook;
}

Grafana read_grafana(Table table) {
  Grafana grafana;
  grafana.url = read_address(table);
  table.require("token", "\"env:GRAFANA_TOKEN\"");
  grafana.token = table.scalar("token", "\"env:GRAFANA_TOKEN\"", read_text).value_or("");
  grafana.dashboard = table.text("dashboard", "\"shop-overview\"").value_or("");
  for (auto& word : table.words("tags", "[\"game-day\"]")) grafana.tags.push_back(word.text);
  table.finish();
  return grafana;
}

Otlp read_otlp(Table table) {
  Otlp otlp;
  otlp.url = read_address(table);
  otlp.headers = read_headers(table);
  if (const auto every = table.scalar("every", "\"10s\"", plan::read_duration)) {
    otlp.every = *every;
    if (*every < kSecond || *every > 3600 * kSecond)
      table.issues().error(table.place("every"), "every: between one second and one hour", "write every = \"10s\"");
  }
  table.finish();
  return otlp;
}

}  // namespace

plan::Parsed read_destinations(const std::string& path, Destinations& to) {
  plan::Parsed parsed;
  names_read.clear();
  if (const auto why = read_file(path, Readable::anything, parsed.plan.text); !why.empty())
    throw Failure(Exit::invalid, fmt::format("--notify (or FAULTLINE_NOTIFY): {}: {}", path, why));
  parsed.plan.path = path;
  const plan::Node document = plan::read_document(parsed.plan.text, parsed.diagnostics);
  parsed.plan.text.clear();  // its lines hold secrets that look like none: they are not shown
  if (!parsed.diagnostics.empty()) return parsed;
  plan::Issues issues;
  Table top(document, {1, 1}, "the file", issues);
  top.each_table("webhooks", [&](const plan::Node& node, std::size_t number) {
    to.webhooks.push_back(read_webhook(node, number, issues));
  });
  if (auto table = top.table("grafana", "{ url = \"https://…\", token = \"env:GRAFANA_TOKEN\" }"))
    to.grafana = read_grafana(*table);
  if (auto table = top.table("otlp", "{ url = \"http://127.0.0.1:4318\" }")) to.otlp = read_otlp(*table);
  top.finish();
  to.from_environment = std::exchange(names_read, {});
  if (issues.count() == 0 && to.empty())
    issues.error({1, 1}, "the file names nobody", "add [[webhooks]], [grafana] or [otlp]: docs/notify.md");
  parsed.diagnostics = issues.take();
  return parsed;
}

std::string host_of(const std::string& url) {
  const auto scheme = url.find("://");
  if (scheme == std::string::npos) return "";
  std::string host = url.substr(scheme + 3, url.find_first_of("/?#", scheme + 3) - scheme - 3);
  return host.substr(host.rfind('@') + 1);
}

}  // namespace faultline::notify
