#include "injector/explain/effect.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "injector/base/text.h"
#include "injector/plan/values.h"

namespace faultline::explain {
namespace {

double height(const faults::Track& track) {
  double most = 0;
  for (const auto& point : track) most = std::max(most, point.value);
  return most;
}

/// Whether the track is a rectangle: one value from its first point to its last.
bool is_level(const faults::Track& track) {
  return std::all_of(track.begin(), track.end(),
                     [&](const faults::Point& p) { return p.value == track.front().value; });
}

/// The one protocol that a fault is limited to; empty when it is not.
std::string protocol_of(const plan::Plan& plan, const plan::Fault& fault) {
  for (const auto* names : {&fault.on, &fault.peer})
    for (const auto& name : *names)
      if (const auto* target = plan.find_target(name); target && !target->protocol.empty()) return target->protocol;
  return "";
}

/// What a fault's protocol sends, where that is not TCP; else null.
const char* sent_by(const std::string& protocol) {
  return protocol == "udp" ? "Datagram" : protocol == "icmp" ? "Ping" : nullptr;
}

bool on_a_link(const plan::Plan& plan, const plan::Fault& fault) {
  return std::any_of(fault.on.begin(), fault.on.end(), [&](const std::string& name) {
    const auto* target = plan.find_target(name);
    return target != nullptr && target->where == plan::Target::Where::link;
  });
}

/// "1 in 13", for a chance of 8 %.
std::string one_in(double chance) {
  return chance >= 0.5 ? percent(chance) + " of all" : fmt::format("1 in {:.0f}", std::max(2.0, 1 / chance));
}

std::string sum(const Effect& effect, int trips) {
  return text_of(times(effect.round_trip(), trips)) + (effect.unbounded ? ", now and then more" : "");
}

/// The longest time in a row for which every packet is lost.
Ns longest_cut(const faults::Track& loss) {
  Ns most = 0, since = 0;
  bool cut = false;
  for (std::size_t i = 0; i < loss.size(); i++) {
    const bool now = loss[i].value >= 1;
    if (now && !cut) since = loss[i].t;
    if (now || cut) most = std::max(most, loss[i].t - since);
    cut = now;
  }
  return most;
}

constexpr const char* kUnanswered =
    "gets no answer; it is tried again after 1 s, 3 s, 7 s and so on, and fails at the client's own timeout";

void say_tcp(Effect& effect) {
  const std::string trips_1 = sum(effect, 1), trips_2 = sum(effect, 2);
  if (effect.loss >= 1 && effect.down > 0) {
    const std::string until = fmt::format("begun while it is down, gets no answer until it is up again ({} at most)",
                                          short_duration(effect.down));
    effect.lines.push_back({"Handshake", until + ", and is tried again after 1 s, 3 s, 7 s and so on"});
    effect.lines.push_back({"Request", until + ", and then waits for TCP to send once more: as long again, at most"});
    return;
  }
  if (effect.loss >= 1) {
    effect.lines.push_back({"Handshake", kUnanswered});
    effect.lines.push_back({"Request",
                            "on an open connection stalls; sending stops for good only after about 15 minutes, or when "
                            "the client gives up"});
    return;
  }
  const double either = 1 - std::pow(1 - effect.loss, effect.ways);  // of a packet and its answer
  const bool slower = effect.packet.most > 0;
  std::string connect = slower ? trips_1 : "",
              request = slower ? trips_2 + " with a new connection, " + trips_1 + " on an open one" : "";
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
    text += fmt::format("{}{} gets no answer", text.empty() ? "" : "; ",
                        one_in(1 - std::pow(1 - effect.loss, effect.ways)));
  if (!text.empty()) effect.lines.push_back({what, text});
}

/// A cut that shows itself, or that cuts some connections only (docs/faults/sever.md).
void say_cut(Effect& effect, const faults::Answer& answer, const std::string& protocol) {
  const auto line = [&](const char* what, const char* then) { effect.lines.push_back({what, then}); };
  const bool tcp_only = answer.filter != FL_FILTER_NONE;
  if (const char* what = sent_by(protocol))
    return line(what, tcp_only                                               ? "passes: only TCP is cut"
                      : protocol == "udp" && answer.reply == FL_REPLY_REFUSE ? "is refused at once: port unreachable"
                                                                             : "gets no answer");
  if (answer.filter == FL_FILTER_OPENING) {
    line("Handshake", kUnanswered);
    line("Request", "on a connection that was open before is served as ever");
  } else if (answer.filter == FL_FILTER_OLD) {
    line("Handshake", "works");
    line("Request", answer.reply == FL_REPLY_TELL
                        ? "on a connection that was open before: its end here gets connection reset when it next sends "
                          "or is sent to; the other end is not told, and waits for a timeout of its own"
                        : "on a connection that was open before stalls, until the client opens a new one");
  } else {
    line("Handshake", "fails at once: connection refused");
    line("Request", "on an open connection fails as soon as either end sends: connection reset");
    if (protocol.empty())
      line("Datagram", answer.reply == FL_REPLY_REFUSE ? "is refused at once: port unreachable" : "gets no answer");
  }
}

/// Connections that are forgotten (docs/faults/idle-timeout.md).
void say_forgotten(Effect& effect, const faults::Answer& answer, const std::string& protocol) {
  if (const char* what = sent_by(protocol)) {
    effect.lines.push_back({what, "passes: only TCP connections are forgotten"});
    return;
  }
  effect.lines.push_back({"Handshake", "works"});
  effect.lines.push_back(
      {"Request", fmt::format("on a connection on which nothing passed for {} {}", short_duration(answer.silent),
                              answer.reply == FL_REPLY_SENDER
                                  ? "fails as it is sent: connection reset; the other end is not told"
                                  : "gets no answer, and nor does what follows, until the client opens a new one")});
}

/// Connections that break off (docs/faults/cut-after.md).
void say_broken_off(Effect& effect, const faults::Answer& answer, const std::string& protocol) {
  if (const char* what = sent_by(protocol)) {
    effect.lines.push_back({what, "passes: only TCP connections are cut"});
    return;
  }
  effect.lines.push_back({"Handshake", "works"});
  effect.lines.push_back(
      {"Request",
       fmt::format("passes, and its answer, until {} bytes of payload went one way on its connection, counted "
                   "from its opening or the fault's start; then {}",
                   thousands(answer.sent),
                   answer.reply == FL_REPLY_RESET ? "both ends get connection reset"
                                                  : "nothing of it arrives any more, and who reads waits")});
}

/// A black hole for what is long (docs/faults/blackhole-size.md).
void say_black_hole(Effect& effect, const std::string& protocol) {
  const auto line = [&](const char* what, const std::string& then) { effect.lines.push_back({what, then}); };
  const std::string bytes = thousands(effect.above) + " bytes";
  if (const char* what = sent_by(protocol))
    return line(what, fmt::format("passes; one whose IP packet, or fragment, is longer than {} gets no answer", bytes));
  line("Handshake", "works, as its packets are short");
  line("Request",
       fmt::format("passes, and its answer, while no packet is longer than {}; what is longer is sent again and again "
                   "and never arrives, so that a long answer stalls at its first full packet",
                   bytes));
}

/// What becomes of a DNS query (docs/faults/dns.md).
void say_lookup(Effect& effect, const faults::Answer& answer) {
  constexpr int kNoName = 3;  // RFC 1035, section 4.1.1
  std::string then;
  if (effect.loss < 1)
    then = sum(effect, 1) + " for each query; who does not wait that long asks again (glibc: after 5 s)";
  else if (answer.reply == FL_REPLY_NONE)
    then = "gets no answer; glibc waits 5 s for each name server, and asks again";
  else if (answer.lookup.rcode == kNoName)
    then = "is answered at once: there is no such name";
  else if (answer.lookup.rcode != 0)
    then = "is answered at once with an error; glibc asks every name server, then says \"try again\"";
  else
    then = "is answered at once, with wrong addresses";
  effect.lines.push_back({"Lookup", then});
}

void say(Effect& effect, const plan::Plan& plan, const plan::Fault& fault, const faults::Answer& answer) {
  const std::string protocol = protocol_of(plan, fault);
  if (answer.filter == FL_FILTER_LOOKUP) return say_lookup(effect, answer);
  if (answer.filter == FL_FILTER_SILENT) return say_forgotten(effect, answer, protocol);
  if (answer.filter == FL_FILTER_SENT) return say_broken_off(effect, answer, protocol);
  if (answer.filtered()) return say_cut(effect, answer, protocol);
  if (effect.above > 0) return say_black_hole(effect, protocol);
  if (effect.packet.most > 0 && effect.loss < 1) {
    std::string how = effect.turns       ? "once for each turn of the conversation, however many packets"
                      : effect.ways == 2 ? "out and back each"
                                         : "one way only";
    if (!effect.steady) how += ", when it is at its worst";
    effect.lines.push_back({"Round trip", fmt::format("{} ({})", sum(effect, 1), how)});
  }
  if (effect.waits) {
    const bool can_choose = fault.params.has("order");
    effect.lines.push_back(
        {"Order", fmt::format("is kept within a flow: one packet waits for the slowest before it, so that where they "
                              "follow closely most are held {}longer than {}{}",
                              effect.unbounded ? "far " : "", short_duration(effect.packet.middle),
                              can_choose ? "; order = \"free\" lets them overtake" : "")});
  }
  if (effect.rate > 0) {
    effect.lines.push_back(
        {"Bandwidth", fmt::format("{} at most, each way that it acts on{}", plan::format_rate(effect.rate),
                                  effect.queue > 0 ? "; a full queue in front of it adds up to " +
                                                         short_duration(effect.queue) + ", and drops what is more"
                                                   : "")});
    effect.lines.push_back(
        {"A megabyte", fmt::format("takes {} or more", short_duration(static_cast<Ns>(8e6 / effect.rate * kSecond)))});
  }
  if (effect.dead_flows > 0)
    effect.lines.push_back(
        {"Connections", fmt::format("{} of them get no packet through at all; a new attempt may fare better",
                                    percent(effect.dead_flows))});
  if (effect.dead_clients > 0)
    effect.lines.push_back(
        {"Clients", fmt::format("{} of their addresses get no packet through at all, however often they try",
                                percent(effect.dead_clients))});
  if (const char* what = sent_by(protocol))
    say_datagrams(effect, what);
  else
    say_tcp(effect);
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

/// Which packets the fault is about; empty: all.
std::string subjects_of(const faults::Channel& channel) {
  const faults::Answer& answer = channel.answer;
  switch (answer.filter) {
    case FL_FILTER_NONE:
      return channel.above == 0 ? "" : fmt::format("packets of more than {} bytes", thousands(channel.above));
    case FL_FILTER_OPENING:
      return "packets that open a TCP connection";
    case FL_FILTER_OLD:
      return "packets of TCP connections that are older than the fault";
    case FL_FILTER_LOOKUP:
      return answer.names.empty() ? "DNS lookups" : fmt::format("DNS lookups of {}", fmt::join(answer.names, ", "));
    case FL_FILTER_SENT:
      return fmt::format("packets of TCP connections behind the first {} bytes of payload either way",
                         thousands(answer.sent));
    case FL_FILTER_SILENT:
      return fmt::format("packets of TCP connections on which nothing passed for {}", short_duration(answer.silent));
  }
  return "";
}

/// How high the fault gets at one of its places.
void meet(Effect& effect, const faults::Channel& channel) {
  const auto delay = static_cast<Ns>(std::llround(height(channel.delay))),
             jitter = static_cast<Ns>(std::llround(height(channel.jitter)));
  const bool tail = channel.shape != faults::JitterShape::uniform && jitter > 0;
  const bool heavy =
      channel.shape == faults::JitterShape::pareto || channel.shape == faults::JitterShape::pareto_normal;
  const Ns wide = tail ? 2 * jitter : jitter;  // of a standard deviation: what nearly all packets lie in
  if (delay + wide > effect.packet.most) effect.packet = {std::max<Ns>(0, delay - wide), delay, delay + wide};
  effect.unbounded = effect.unbounded || tail;
  effect.waits =
      effect.waits || (jitter > 0 && !channel.free_order && !channel.turns && (heavy || 2 * jitter >= delay));
  effect.above = std::max(effect.above, channel.above);
  effect.of = subjects_of(channel);  // the same at each place
  effect.loss = std::max(effect.loss, height(channel.loss) * (channel.bursts ? mean_loss(*channel.bursts) : 1));
  if (!channel.bursts && channel.above == 0) effect.down = std::max(effect.down, longest_cut(channel.loss));
  effect.dead_flows = std::max(effect.dead_flows, height(channel.flows));
  effect.dead_clients = std::max(effect.dead_clients, height(channel.clients));
  if (const double rate = lowest(channel.rate); rate > 0 && (effect.rate == 0 || rate < effect.rate))
    effect.rate = rate;
  effect.queue = std::max(effect.queue, channel.longest_queue(faults::kFullFrame));
  effect.turns = effect.turns || channel.turns;
  for (const auto* track :
       {&channel.delay, &channel.jitter, &channel.loss, &channel.rate, &channel.flows, &channel.clients})
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
  const std::string from = added.least == 0            ? "0"
                           : unit(least) == unit(most) ? least.substr(0, least.find(' '))
                                                       : least;
  return fmt::format("+{} to {}", from, most);
}

Effect effect_of(const plan::Plan& plan, const plan::Fault& fault, const std::vector<std::string>& links) {
  Effect effect;
  effect.asked = plan::given(fault);
  effect.ways = fault.direction == plan::Direction::both || on_a_link(plan, fault) ? 2 : 1;
  const std::uint64_t seed = plan::seed_of(plan, fault);
  const std::vector<std::string> unnamed{""};
  faults::Answer answer;  // the same at each place
  for (const auto& link : links.empty() ? unnamed : links) {
    const auto channel = fault.kind->compile({fault.params, {fault.start, fault.end}, seed, link});
    if (effect.active.empty()) effect.active = channel.active();
    meet(effect, channel);
    answer = channel.answer;
  }
  if (effect.down >= fault.end - fault.start) effect.down = 0;
  effect.cuts = (effect.loss >= 1 && effect.above == 0) || answer.reply != FL_REPLY_NONE;
  say(effect, plan, fault, answer);
  return effect;
}

}  // namespace faultline::explain
