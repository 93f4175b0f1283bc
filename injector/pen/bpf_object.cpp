#include "injector/pen/bpf_object.h"

#include <bpf/bpf.h>
#include <fmt/format.h>
#include <sys/mman.h>

#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <vector>

#include "faults/abi.h"
#include "injector/base/error.h"

namespace faultline::pen {
namespace {

/// What libbpf said since the last call; kept for error messages instead of being printed.
thread_local std::string said;

int listen_to_libbpf(libbpf_print_level level, const char* format, va_list arguments) {
  if (level == LIBBPF_DEBUG) return 0;
  char line[4096];
  const int n = vsnprintf(line, sizeof line, format, arguments);
  if (said.size() < (64u << 10))
    said.append(line, std::min<std::size_t>(static_cast<std::size_t>(std::max(n, 0)), sizeof line - 1));
  return n;
}

/// The last lines: a verifier log ends with what it objects to.
std::string tail(const std::string& text) {
  std::size_t at = text.size();
  for (int lines = 0; lines < 12 && at != 0 && at != std::string::npos; lines++) at = text.rfind('\n', at - 1);
  return at == std::string::npos ? text : text.substr(at);
}

[[noreturn]] void fail(const std::string& attempt, int error) {
  throw Failure(Exit::cannot_run,
                fmt::format("{}: {}\n{}", attempt, std::generic_category().message(-error), tail(said)));
}

}  // namespace

BpfObject::BpfObject(std::string name, const void* bytes, std::size_t size) : name_(std::move(name)) {
  libbpf_set_print(listen_to_libbpf);
  said.clear();
  LIBBPF_OPTS(bpf_object_open_opts, options);
  options.object_name = name_.c_str();
  object_.reset(bpf_object__open_mem(bytes, size, &options));
  if (!object_) fail("open eBPF object " + name_, -errno);
}

bpf_map* BpfObject::find(const std::string& map) const {
  bpf_map* found = bpf_object__find_map_by_name(object_.get(), map.c_str());
  if (found == nullptr) throw std::logic_error(name_ + " has no map " + map);
  return found;
}

bool BpfObject::has_map(const std::string& name) const {
  return bpf_object__find_map_by_name(object_.get(), name.c_str()) != nullptr;
}

void BpfObject::resize(const std::string& map, std::uint32_t entries) {
  check_neg("size eBPF map " + map, bpf_map__set_max_entries(find(map), entries == 0 ? 1 : entries));
}

void BpfObject::share(const std::string& map, const BpfObject& from) {
  check_neg("share eBPF map " + map, bpf_map__reuse_fd(find(map), from.map(map)));
}

void BpfObject::configure(const void* config, std::size_t size) {
  bpf_map* map;
  bpf_object__for_each_map(map, object_.get()) {
    if (!std::string_view(bpf_map__name(map)).ends_with(".rodata")) continue;
    std::size_t room = 0;
    const void* initial = bpf_map__initial_value(map, &room);
    // A constant of the compiler's own beside the settings would come before them, and shift them.
    if (initial == nullptr || room != size) throw std::logic_error(name_ + ": constants are not its settings alone");
    std::vector<std::uint8_t> whole(static_cast<const std::uint8_t*>(initial),
                                    static_cast<const std::uint8_t*>(initial) + room);
    std::memcpy(whole.data(), config, size);
    check_neg("set constants of " + name_, bpf_map__set_initial_value(map, whole.data(), room));
    return;
  }
  throw std::logic_error(name_ + " has no constants");
}

void BpfObject::load() {
  said.clear();
  if (const int error = bpf_object__load(object_.get()); error < 0) fail("load eBPF object " + name_, error);
}

int BpfObject::map(const std::string& name) const { return bpf_map__fd(find(name)); }

bpf_program* BpfObject::find_program(const std::string& name) const {
  bpf_program* found = bpf_object__find_program_by_name(object_.get(), name.c_str());
  if (found == nullptr) throw std::logic_error(name_ + " has no program " + name);
  return found;
}

void BpfObject::leave_out(const std::string& name) {
  check_neg("leave out " + name, bpf_program__set_autoload(find_program(name), false));
}

int BpfObject::program(const std::string& name) const {
  const bpf_program* found = find_program(name);
  return bpf_program__autoload(found) ? bpf_program__fd(found) : -1;
}

void BpfObject::update(const std::string& map_name, std::uint32_t key, const void* value) const {
  check_neg("write eBPF map " + map_name, bpf_map_update_elem(map(map_name), &key, value, BPF_ANY));
}

void BpfObject::fill(const std::string& map_name, const void* values, std::size_t value_size,
                     std::uint32_t count) const {
  if (count == 0) return;
  std::vector<std::uint32_t> keys(count);
  for (std::uint32_t i = 0; i < count; i++) keys[i] = i;
  std::uint32_t done = count;
  LIBBPF_OPTS(bpf_map_batch_opts, options);
  if (bpf_map_update_batch(map(map_name), keys.data(), values, &done, &options) == 0) return;
  const auto* bytes = static_cast<const std::uint8_t*>(values);
  for (std::uint32_t i = 0; i < count; i++) update(map_name, i, bytes + i * value_size);
}

template <class T>
Mapped<T>::Mapped(int map_fd, std::uint32_t entries) {
  const std::size_t page = 4096;
  length_ = (sizeof(T) * entries + page - 1) / page * page;
  void* at = mmap(nullptr, length_, PROT_READ | PROT_WRITE, MAP_SHARED, map_fd, 0);
  if (at == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "map eBPF memory");
  data_ = static_cast<T*>(at);
}

template <class T>
Mapped<T>::~Mapped() {
  if (data_ != nullptr) munmap(data_, length_);
}

template class Mapped<fl_control>;
template class Mapped<fl_flight>;

}  // namespace faultline::pen
