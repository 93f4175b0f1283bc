#include "injector/explain/effect.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "faults/chance.h"
#include "injector/plan/values.h"
#include "injector/record/events.h"
#include "injector/record/text.h"

namespace faultline::explain {
namespace {

using record::short_duration;

double height(const faults::Track& track) {
  double most = 0;
  for (const auto& point : track) most = std::max(most, point.value);
  return most;
}

/// Whether the track is a rectangle: one value from its first point to its last.
bool is_level(const faults::Track& track) {
  return std::all_of(track.begin(), track.end(), [&](const faults::Point& p) { return p.value == track.front().value; });
}

std::string_view unquoted(std::string_view text) {
  return text.size() >= 2 && text.front() == '"' ? text.substr(1, text.size() - 2) : text;
}

/// A value that is a word; empty when there is none, or when the kind takes something else under that name.
std::string word(const faults::Params& params, std::string_view key) {
  try {
    return params.text(key);
  } catch (const std::bad_variant_access&) {
    return "";
  }
}

/// The one protocol that a fault is limited to; empty when it is not.
std::string protocol_of(const plan::Plan& plan, const plan::Fault& fault) {
  for (const auto* names : {&fault.on, &fault.peer})
    for (const auto& name : *names)
      if (const auto* target = plan.find_target(name); target && !target->protocol.empty()) return target->protocol;
  return "";
}

bool on_a_link(const plan::Plan& plan, const plan::Fault& fault) {
  return std::any_of(fault.on.begin(), fault.on.end(), [&](const std::string& name) {
    const auto* target = plan.find_target(name);
    return target != nullptr && target->where == plan::Target::Where::link;
  });
}

/// "1 in 13", for a chance of 8 %.
std::string one_in(double chance) { return chance >= 0.5 ? record::percent(chance) + " of them" : fmt::format("1 in {:.0f}", std::max(2.0, 1 / chance)); }

/// "10 Mbit/s", "512 kbit/s".
std::string rate_text(double bits) {
  if (bits >= 1e9) return fmt::format("{:.3g} Gbit/s", bits / 1e9);
  if (bits >= 1e6) return fmt::format("{:.3g} Mbit/s", bits / 1e6);
  return fmt::format("{:.3g} kbit/s", bits / 1e3);
}

std::string sum(const Effect& effect, int trips) {
  return text_of(times(effect.round_trip(), trips)) + (effect.unbounded ? ", now and then more" : "");
}

void say_tcp(Effect& effect) {
  const std::string trips_1 = sum(effect, 1), trips_2 = sum(effect, 2);
  if (effect.loss >= 1) {
    effect.lines.push_back({"Handshake", "gets no answer; it is tried again after 1 s, 3 s, 7 s and so on, and fails at the client's own timeout"});
    effect.lines.push_back({"Request", "on an open connection stalls; sending stops for good only after about 15 minutes, or when the client gives up"});
    return;
  }
  const double either = 1 - std::pow(1 - effect.loss, effect.ways);  // of a packet and its answer
  const bool slower = effect.packet.most > 0;
  std::string connect = slower ? trips_1 : "", request = slower ? trips_2 + " with a new connection, " + trips_1 + " on an open one" : "";
  if (effect.loss > 0) {
    connect += fmt::format("{}{} waits 1 s or more for a lost packet", connect.empty() ? "" : "; ", one_in(either));
    request += fmt::format("{}{} waits 0.2 s or more for one", request.empty() ? "" : "; ", one_in(either));
  }
  if (connect.empty()) return;
  effect.lines.push_back({"Handshake", connect + (slower ? " (one round trip)" : "")});
  effect.lines.push_back({"Request", request + (slower ? "; TLS adds one more round trip" : "")});
}

void say_datagrams(Effect& effect, const std::string& what) {
  if (effect.loss >= 1) {
    effect.lines.push_back({what, "gets no answer"});
    return;
  }
  std::string text = effect.packet.most > 0 ? sum(effect, 1) + " until its answer is there" : "";
  if (effect.loss > 0)
    text += fmt::format("{}{} gets no answer", text.empty() ? "" : "; ", one_in(1 - std::pow(1 - effect.loss, effect.ways)));
  if (!text.empty()) effect.lines.push_back({what, text});
}

/// What a user meets of faults that answer or choose instead of only holding and dropping.
bool say_mode(Effect& effect, const std::string& mode) {
  static const std::vector<std::pair<std::string, std::vector<Effect::Line>>> kModes{
      {"reset", {{"Handshake", "fails at once: connection reset"}, {"Request", "on an open connection fails at once: connection reset by peer"}}},
      {"refuse", {{"Handshake", "fails at once: connection refused"}, {"Request", "on an open connection is cut off or stalls (docs/faults/sever.md)"}}},
      {"half-open", {{"Handshake", "seems to work from one side; what is sent then is never answered"},
                     {"Request", "is sent, and no answer comes: only the client's own timeout ends it"}}},
      {"new-only", {{"Handshake", "gets no answer"}, {"Request", "on a connection that was open before is served as ever"}}},
      {"established-only", {{"Handshake", "works"}, {"Request", "on a connection that was open before stalls, until the client opens a new one"}}},
  };
  for (const auto& [name, lines] : kModes) {
    if (name != mode) continue;
    effect.lines = lines;
    return true;
  }
  return false;
}

void say(Effect& effect, const plan::Plan& plan, const plan::Fault& fault) {
  if (say_mode(effect, word(fault.params, "mode"))) return;
  if (effect.packet.most > 0 && effect.loss < 1) {
    std::string how = effect.turns ? "once for each turn of the conversation, however many packets" : effect.ways == 2 ? "out and back each" : "one way only";
    if (!effect.steady) how += ", when it is at its worst";
    effect.lines.push_back({"Round trip", fmt::format("{} ({})", sum(effect, 1), how)});
  }
  if (effect.rate > 0) {
    effect.lines.push_back({"Bandwidth", fmt::format("{} at most, each way that it acts on{}", rate_text(effect.rate),
                                                     effect.queue > 0 ? "; a full queue in front of it adds up to " + short_duration(effect.queue) + ", and drops what is more" : "")});
    effect.lines.push_back({"A megabyte", fmt::format("takes {} or more", short_duration(static_cast<Ns>(8e6 / effect.rate * kSecond)))});
  }
  if (effect.dead_flows > 0) effect.lines.push_back({"Connections", fmt::format("{} of them get no packet through at all; a new attempt may fare better", record::percent(effect.dead_flows))});
  if (effect.dead_clients > 0) effect.lines.push_back({"Clients", fmt::format("{} of their addresses get no packet through at all, however often they try", record::percent(effect.dead_clients))});
  const std::string protocol = protocol_of(plan, fault);
  if (protocol == "udp") say_datagrams(effect, "Datagram");
  else if (protocol == "icmp") say_datagrams(effect, "Ping");
  else say_tcp(effect);
}

/// The share of packets that a Gilbert-Elliott chain loses in the long run.
double mean_loss(const faults::Bursts& bursts) {
  const double sum = bursts.enter + bursts.leave, bad = sum > 0 ? bursts.enter / sum : 0;
  return (1 - bad) * bursts.good + bad * bursts.bad;
}

double lowest(const faults::Track& rate) {
  double least = 0;
  for (const auto& point : rate)
    if (point.value > 0 && (least == 0 || point.value < least)) least = point.value;
  return least;
}

/// How high the fault gets at one place.
void meet(Effect& effect, const faults::Channel& channel) {
  const auto delay = static_cast<Ns>(std::llround(height(channel.delay))), jitter = static_cast<Ns>(std::llround(height(channel.jitter)));
  const bool tail = channel.shape != faults::Shape::uniform && jitter > 0;
  const Ns wide = tail ? 2 * jitter : jitter;  // of a standard deviation: what nearly all packets lie in
  if (delay + wide > effect.packet.most) effect.packet = {std::max<Ns>(0, delay - wide), delay, delay + wide};
  effect.unbounded = effect.unbounded || tail;
  effect.loss = std::max(effect.loss, height(channel.loss) * (channel.bursts ? mean_loss(*channel.bursts) : 1));
  effect.dead_flows = std::max(effect.dead_flows, height(channel.flows));
  effect.dead_clients = std::max(effect.dead_clients, height(channel.clients));
  if (const double rate = lowest(channel.rate); rate > 0 && (effect.rate == 0 || rate < effect.rate)) effect.rate = rate;
  effect.queue = std::max(effect.queue, channel.longest_queue());
  effect.turns = channel.turns;
  if (channel.turns) effect.ways = (channel.turns_out ? 1 : 0) + (channel.turns_in ? 1 : 0);
  for (const auto* track : {&channel.delay, &channel.jitter, &channel.loss, &channel.rate, &channel.flows, &channel.clients})
    effect.steady = effect.steady && is_level(*track);
}

}  // namespace

Added times(const Added& added, int n) { return {added.least * n, added.middle * n, added.most * n}; }

std::string text_of(const Added& added) {
  if (added.most == 0) return "nothing";
  const std::string most = short_duration(added.most), least = short_duration(added.least);
  if (most == least) return "+" + most;
  // One unit is said once: "+120 to 280 ms".
  const auto unit = [](const std::string& text) { return text.substr(text.find(' ')); };
  const std::string from = added.least == 0 ? "0" : unit(least) == unit(most) ? least.substr(0, least.find(' ')) : least;
  return fmt::format("+{} to {}", from, most);
}

std::vector<std::string> links_of(const plan::Plan& plan, const plan::Fault& fault) {
  std::vector<std::string> links;
  for (const auto& name : fault.on) {
    const auto* target = plan.find_target(name);
    if (target == nullptr) continue;
    using Where = plan::Target::Where;
    if (target->where == Where::room && plan.lab) {
      for (const auto& host : plan.lab->hosts)
        if (host.room == target->subject) links.push_back(host.name);
    } else if (target->where == Where::link && plan.lab) {
      for (const auto& link : plan.lab->links)
        if (link.name == target->subject)
          for (const auto& room : {link.a, link.b}) links.push_back(fmt::format("link {} in {}", link.name, room));
    } else {
      links.push_back(target->where == Where::netns ? "netns " + target->subject : target->subject);
    }
  }
  return links;
}

Effect effect_of(const plan::Plan& plan, const plan::Fault& fault, const std::vector<std::string>& links) {
  Effect effect;
  const auto asked = record::asked(fault);
  for (const auto& key : fault.kind->keys) {
    const auto value = asked.find(std::string(key.name));
    if (value == asked.end()) continue;
    const std::string text = value->get<std::string>();
    if (text != unquoted(key.fallback)) effect.asked.push_back({std::string(key.name), text, std::string(key.doc)});
  }
  effect.ways = fault.direction == plan::Direction::both || on_a_link(plan, fault) ? 2 : 1;
  const std::uint64_t seed = fl_fault_seed(plan.seed, fl_text_key(fault.name.data(), fault.name.size()));
  const std::vector<std::string> unnamed{""};
  for (const auto& link : links.empty() ? unnamed : links) {
    const auto channel = fault.kind->compile({fault.params, {fault.start, fault.end}, seed, link});
    if (effect.active.empty()) effect.active = channel.active();
    meet(effect, channel);
  }
  say(effect, plan, fault);
  return effect;
}

}  // namespace faultline::explain
