// The output of `ping -D` of iputils: a line for each answer, with the time at which it came. What has no line was
// lost; when it was sent, its neighbours tell.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>

#include "injector/base/text.h"
#include "injector/plan/values.h"
#include "injector/sketch/measured.h"

namespace faultline::sketch {
namespace {

constexpr std::int64_t kNumbers = 65536;        ///< icmp_seq begins again after so many
constexpr std::int64_t kMostLost = 1'000'000;   ///< in a row; a gap of more is no loss
constexpr std::int64_t kMostTrips = 4'000'000;  ///< of a file, the lost ones among them

/// The number that a text begins with.
std::optional<double> number_at(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || !std::isfinite(value) || value < 0) return std::nullopt;
  return value;
}

/// The one behind `name`, as in "icmp_seq=12".
std::optional<double> number_behind(std::string_view line, std::string_view name) {
  const auto at = line.find(name);
  return at == std::string_view::npos ? std::nullopt : number_at(line.substr(at + name.size()));
}

/// "30 packets transmitted, …"
std::optional<std::int64_t> transmitted(std::string_view line) {
  const auto count = line.find(" packets transmitted") == std::string_view::npos ? std::nullopt : number_at(line);
  if (!count) return std::nullopt;
  return static_cast<std::int64_t>(std::min(*count, static_cast<double>(kMostTrips)));
}

class PingReader {
 public:
  PingReader(std::string_view text, const std::string& path) : rest_(text), path_(path) {}

  std::vector<RoundTrip> read() {
    while (!rest_.empty()) {
      const auto end = rest_.find('\n');
      std::string_view line = rest_.substr(0, end);
      rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
      number_++;
      if (line.ends_with('\r')) line.remove_suffix(1);
      if (line.starts_with("PING ") && !answers_.empty())
        refuse_line(path_, number_, "another `ping` begins here: give each a file of its own");
      if (const auto count = transmitted(line)) sent_ = *count;
      // "no answer yet for icmp_seq=4", "From 10.0.0.1 icmp_seq=4 Destination Host Unreachable": no answer.
      if (line.find("bytes from ") != std::string_view::npos && line.find("(DUP!)") == std::string_view::npos)
        read_answer(line);
    }
    return with_the_lost();
  }

 private:
  void read_answer(std::string_view line) {
    const auto seq = number_behind(line, "icmp_seq=");
    const auto time = number_behind(line, " time=");
    const auto stamp = line.starts_with('[') ? number_behind(line, "[") : std::nullopt;
    if (!stamp) refuse_line(path_, number_, "there is no time before the answer, as in [1700000000.25]: use `ping -D`");
    if (!seq) refuse_line(path_, number_, "there is no number behind icmp_seq=");
    if (!time)
      refuse_line(path_, number_, "there is no round-trip time behind time=: use `ping -D`, in English (LC_ALL=C)");
    if (*seq >= kNumbers) refuse_line(path_, number_, "the number behind icmp_seq= is out of range");
    const Ns came = sent_time(*stamp, kSecond, path_, number_);
    const Ns rtt = round_trip_time(*time, kMillisecond, path_, number_);
    std::int64_t whole = static_cast<std::int64_t>(*seq) + turns_ * kNumbers;
    if (!answers_.empty() && whole < answers_.rbegin()->first - kNumbers / 2) {
      turns_++;
      whole += kNumbers;
    } else if (turns_ > 0 && whole > answers_.rbegin()->first + kNumbers / 2) {
      whole -= kNumbers;  // the last before the turn, overtaken by the first after it
    }
    const bool is_new = answers_.try_emplace(whole, RoundTrip{came - rtt, rtt}).second;
    if (!is_new) refuse_line(path_, number_, "this number was there before: give each `ping` a file of its own");
    if (answers_.rbegin()->first - answers_.begin()->first > kMostTrips)
      refuse_line(path_, number_, fmt::format("it is of more than {} round trips", thousands(kMostTrips)));
  }

  /// How long so many of them take.
  Ns span(double interval, std::int64_t count) const {
    const double length = interval * static_cast<double>(count);
    if (std::abs(length) > static_cast<double>(kLongestMeasured)) refuse_line(path_, 0, "it is longer than a year");
    return std::llround(length);
  }

  std::vector<RoundTrip> with_the_lost() const {
    std::vector<RoundTrip> trips;
    if (answers_.empty()) return trips;
    const auto first = *answers_.begin(), last = *answers_.rbegin();
    const double interval = last.first == first.first ? 1e9
                                                      : static_cast<double>(last.second.at - first.second.at) /
                                                            static_cast<double>(last.first - first.first);
    const auto lose = [&](std::int64_t from, std::int64_t to, Ns at, double step) {
      for (std::int64_t i = from; i < std::min(to, from + kMostLost); i++)
        trips.push_back({at + span(step, i - from + 1), {}});
    };
    const std::int64_t begin = std::min<std::int64_t>(1, first.first);
    lose(begin, first.first, first.second.at - span(interval, first.first - begin + 1), interval);
    std::int64_t expected = first.first;
    Ns before = first.second.at;
    for (const auto& [seq, trip] : answers_) {
      lose(expected, seq, before, static_cast<double>(trip.at - before) / static_cast<double>(seq - expected + 1));
      trips.push_back(trip);
      expected = seq + 1;
      before = trip.at;
    }
    lose(expected, sent_ + begin, before, interval);  // told by the last line alone
    return trips;
  }

  std::string_view rest_;
  const std::string& path_;
  std::size_t number_ = 0;
  std::int64_t turns_ = 0, sent_ = 0;
  std::map<std::int64_t, RoundTrip> answers_;
};

}  // namespace

Measured read_ping(std::string_view text, const std::string& path, const MeasuredChoice&) {
  return {PingReader(text, path).read(), {}};
}

}  // namespace faultline::sketch
