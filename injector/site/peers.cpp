#include "injector/site/peers.h"

#include <algorithm>
#include <bit>
#include <tuple>

namespace faultline::site {
namespace {

using Address = unsigned __int128;
constexpr Address kLast = ~Address{0};

Address number(const IpPrefix& prefix) {
  Address out = 0;
  for (const auto byte : prefix.bytes) out = out << 8 | byte;
  return out;
}

fl_address halves(Address a) { return {static_cast<__u64>(a >> 64), static_cast<__u64>(a)}; }

Address shift_left(Address a, unsigned by) { return by >= 128 ? 0 : a << by; }
Address shift_right(Address a, unsigned by) { return by >= 128 ? 0 : a >> by; }

struct Range {
  Address first, last;
  fl_masks rules;
};

class Cutter {
 public:
  explicit Cutter(const fl_masks& any) : any_(any) { out.push_back({0, any}); }

  /// Ranges come in order of their first address, the outer before the inner.
  void add(const Range& range) {
    close_before(range.first);
    begin(range.first, range.rules);
    open_.push_back(range);
  }
  void finish() {
    while (!open_.empty()) close_one();
  }

  std::vector<std::pair<Address, fl_masks>> out;

 private:
  void close_before(Address first) {
    while (!open_.empty() && open_.back().last < first) close_one();
  }
  void close_one() {
    const Address last = open_.back().last;
    open_.pop_back();
    if (last != kLast) begin(last + 1, open_.empty() ? any_ : open_.back().rules);
  }
  void begin(Address at, const fl_masks& rules) {
    if (out.size() > 1 && out.back().first == at)
      out.back().second = rules;  // the first one stays: it stands for "outside"
    else
      out.push_back({at, rules});
  }

  fl_masks any_;
  std::vector<Range> open_;
};

}  // namespace

fl_peers Peers::setting() const {
  fl_peers out{};
  out.prefix = prefix;
  out.count = static_cast<__u32>(starts.size());
  out.common = static_cast<__u8>(common);
  out.bits = static_cast<__u8>(bits);
  return out;
}

Peers cut_into_intervals(std::vector<std::pair<IpPrefix, fl_masks>> prefixes, const fl_masks& any) {
  Peers peers;
  if (prefixes.empty()) return peers;
  std::vector<Range> ranges;
  for (const auto& [prefix, rules] : prefixes) {
    const Address rest = shift_right(kLast, static_cast<unsigned>(prefix.length)), first = number(prefix) & ~rest;
    ranges.push_back({first, first | rest, rules});
  }
  std::sort(ranges.begin(), ranges.end(),
            [](const Range& a, const Range& b) { return std::tuple(a.first, ~a.last) < std::tuple(b.first, ~b.last); });
  Cutter cutter(any);
  Address lowest = kLast, highest = 0;
  for (const Range& range : ranges) {
    cutter.add(range);
    lowest = std::min(lowest, range.first);
    highest = std::max(highest, range.last);
  }
  cutter.finish();
  for (const auto& [start, rules] : cutter.out) {
    peers.starts.push_back(halves(start));
    peers.spans.push_back(rules);
  }

  // The index: about two cells an interval, over the bits in which the prefixes begin to differ.
  const auto wanted = static_cast<unsigned>(std::bit_width(cutter.out.size()));
  peers.bits = std::clamp(wanted, 1u, 16u);
  while (peers.common + peers.bits < 128 && shift_right(lowest ^ highest, 127 - peers.common) == 0) peers.common++;
  const Address prefix = peers.common == 0 ? 0 : lowest & ~shift_right(kLast, peers.common);
  peers.prefix = halves(prefix);
  const unsigned behind = 128 - peers.common - peers.bits;
  std::uint32_t interval = 0;
  const auto last = static_cast<std::uint32_t>(cutter.out.size() - 1);
  for (Address cell = 0; cell < Address{1} << peers.bits; cell++) {
    const Address first = prefix | shift_left(cell, behind);
    while (interval < last && cutter.out[interval + 1].first <= first) interval++;
    peers.index.push_back(interval);
  }
  peers.index.push_back(last);
  return peers;
}

}  // namespace faultline::site
