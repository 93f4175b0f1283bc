#include "injector/pen/tables.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <string>
#include <string_view>

#include "injector/base/error.h"

namespace faultline::pen {
namespace {

constexpr std::size_t kPage = 256;

std::size_t hash_of(const void* bytes, std::size_t size) {
  return std::hash<std::string_view>()({static_cast<const char*>(bytes), size});
}
template <class T>
std::size_t hash_of(const std::vector<T>& values) {
  return hash_of(values.data(), values.size() * sizeof(T));
}
template <class T>
bool equal(const T* a, const T* b, std::size_t count) {
  return std::memcmp(a, b, count * sizeof(T)) == 0;
}
template <class T>
std::uint32_t count_of(const std::vector<T>& values) {
  return static_cast<std::uint32_t>(values.size());
}

}  // namespace

fl_peers Tables::Family::add(const site::Peers& peers) {
  fl_peers setting = peers.setting();
  if (peers.starts.empty()) return setting;
  const std::size_t hash = hash_of(peers.starts) ^ hash_of(peers.spans);
  const auto [from, to] = known.equal_range(hash);
  for (auto at = from; at != to; ++at) {
    const fl_peers& old = at->second;
    if (old.count == setting.count && old.common == setting.common && old.bits == setting.bits &&
        equal(&old.prefix, &setting.prefix, 1) &&
        equal(starts.data() + old.first, peers.starts.data(), setting.count) &&
        equal(spans.data() + old.first, peers.spans.data(), setting.count))
      return old;
  }
  setting.first = count_of(starts);
  setting.first_cell = count_of(index);
  starts.insert(starts.end(), peers.starts.begin(), peers.starts.end());
  spans.insert(spans.end(), peers.spans.begin(), peers.spans.end());
  for (const __u32 interval : peers.index) index.push_back(setting.first + interval);
  known.emplace(hash, setting);
  return setting;
}

std::uint16_t Tables::add_page(const fl_ports* page) {
  const std::size_t hash = hash_of(page, kPage * sizeof *page);
  const auto [from, to] = pages_.equal_range(hash);
  for (auto at = from; at != to; ++at)
    if (equal(ports_.data() + at->second * kPage, page, kPage)) return at->second;
  const std::size_t number = ports_.size() / kPage;
  if (number > std::numeric_limits<std::uint16_t>::max())
    throw Failure(Exit::cannot_run, "the faults together name too many different sets of ports");
  ports_.insert(ports_.end(), page, page + kPage);
  pages_.emplace(hash, static_cast<std::uint16_t>(number));
  return static_cast<std::uint16_t>(number);
}

TablesOfSite Tables::add(const site::Masks& masks) {
  TablesOfSite own{v4_.add(masks.peers4), v6_.add(masks.peers6), 0};
  if (masks.ports.empty()) return own;
  fl_port_table table{};
  for (std::size_t i = 0; i < kPage; i++) table.page[i] = add_page(masks.ports.data() + i * kPage);
  const std::size_t hash = hash_of(&table, sizeof table);
  const auto [from, to] = known_port_tables_.equal_range(hash);
  for (auto at = from; at != to; ++at) {
    own.port_table = at->second;
    if (equal(&port_tables_[own.port_table], &table, 1)) return own;
  }
  own.port_table = count_of(port_tables_);
  port_tables_.push_back(table);
  known_port_tables_.emplace(hash, own.port_table);
  return own;
}

void Tables::size(BpfObject& object) const {
  const auto size_family = [&](const std::string& name, const Family& family) {
    object.resize("starts" + name, count_of(family.starts));
    object.resize("spans" + name, count_of(family.spans));
    object.resize("index" + name, count_of(family.index));
  };
  size_family("4", v4_);
  size_family("6", v6_);
  object.resize("ports", count_of(ports_));
  object.resize("port_tables", count_of(port_tables_));
}

void Tables::fill(const BpfObject& object) const {
  std::vector<__u64> starts4;  // of IPv4 addresses the upper halves are all there is
  for (const auto& start : v4_.starts) starts4.push_back(start.high);
  object.fill("starts4", starts4.data(), sizeof(__u64), count_of(starts4));
  object.fill("spans4", v4_.spans.data(), sizeof(fl_masks), count_of(v4_.spans));
  object.fill("index4", v4_.index.data(), sizeof(__u32), count_of(v4_.index));
  object.fill("starts6", v6_.starts.data(), sizeof(fl_address), count_of(v6_.starts));
  object.fill("spans6", v6_.spans.data(), sizeof(fl_masks), count_of(v6_.spans));
  object.fill("index6", v6_.index.data(), sizeof(__u32), count_of(v6_.index));
  object.fill("ports", ports_.data(), sizeof(fl_ports), count_of(ports_));
  object.fill("port_tables", port_tables_.data(), sizeof(fl_port_table), count_of(port_tables_));
}

}  // namespace faultline::pen
