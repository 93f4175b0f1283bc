// The scalar words of the plan language, with errors that say what would be right. Shared with the command line.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "injector/base/read.h"
#include "injector/plan/plan.h"

namespace faultline::plan {

Read<Ns> read_duration(std::string_view text);                   ///< "300ms", "1m30s", "1.5s"; a unit is required
Read<double> read_probability(std::string_view text);            ///< "10%", "0.01%"; the sign is required; 0..100
Read<Bound> read_ratio_bound(std::string_view text);             ///< ">= 99%"
Read<Bound> read_duration_bound(std::string_view text);          ///< "<= 250ms"
Read<Bound> read_count_bound(std::string_view text);             ///< "= 0", ">= 100"
Read<Bound> read_share_or_count_bound(std::string_view text);    ///< "<= 1%", "= 0"
Read<Bound> read_count_or_rate_bound(std::string_view text);     ///< "<= 20", "<= 5/s"
Read<Bound> read_throughput_bound(std::string_view text);        ///< ">= 100/s"
Read<Bound> read_value_bound(std::string_view text);             ///< "<= 100", "= 0", "> -2.5"
Read<double> read_request_rate(std::string_view text);           ///< "500/s", of requests
Read<Bound> read_baseline_bound(std::string_view text);          ///< "<= 2x baseline"
bool is_baseline_bound(std::string_view text);                   ///< whether it is meant as one
Read<std::vector<PortRange>> read_ports(std::string_view text);  ///< "80,8000-8080"
Read<std::string> read_source(std::string_view text);            ///< "fact: …", "reconstruction: …"
/// Of a source: "fact" or "reconstruction", and what it goes on with, ": the post-mortem".
std::pair<std::string_view, std::string_view> split_source(std::string_view source);
Read<double> read_rate(std::string_view text);  ///< "10mbit" is 1e7 bit/s; kbit, mbit, gbit; 1 kbit to 1000 gbit
Read<faults::QueueLimit> read_queue(std::string_view text);  ///< "100ms" or "64kB"; at most 60 s or 1 GB
Read<std::uint64_t> read_bytes(std::string_view text);       ///< "1400B", "64kB"; 1 B to 1 TB, whole bytes
Read<double> read_scale(std::string_view text);              ///< "1:30" is 30

/// What a reader reads, as a regular expression (ECMA 262): it matches each text that is read, and some that are not.
/// Empty: any text.
std::string_view pattern_of(void (*reader)());
template <class T>
std::string_view pattern_of(Read<T> (*reader)(std::string_view)) {
  return pattern_of(reinterpret_cast<void (*)()>(reader));
}

std::string format_duration(Ns duration);                   ///< "1m30s", "1.5ms": the shortest that reads back equal
std::string format_rate(double rate);                       ///< "10mbit"
std::string format_queue(const faults::QueueLimit& limit);  ///< "100ms", "64kB"
std::string format_bytes(std::uint64_t bytes);              ///< "1400B", "64kB"
std::string format_probability(double p);                   ///< "12%"

std::string_view trim(std::string_view text);  ///< without the blanks around it

/// The nearest of `known` to `word` by edit distance, when near enough to be what was meant; else empty.
std::string did_you_mean(std::string_view word, const std::vector<std::string>& known);

}  // namespace faultline::plan
