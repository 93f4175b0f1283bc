// An eBPF object under our own RAII: opened from the bytes that the skeleton header embeds, its maps sized and shared,
// its constants written, loaded. By name rather than by generated struct, because one source is compiled twice (for
// kernels with and without TCX and kfuncs) and both must be driven by the same code.
#pragma once

#include <bpf/libbpf.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "injector/base/fd.h"

namespace faultline::pen {

class BpfObject {
 public:
  /// `bytes` is the ELF object. Errors of libbpf and the verifier's log are part of what is thrown.
  BpfObject(std::string name, const void* bytes, std::size_t size);

  void resize(const std::string& map, std::uint32_t entries);  ///< before load()
  void share(const std::string& map, const BpfObject& from);   ///< use from's map of the same name; before load()
  /// Writes the object's constants (its .rodata begins with them); before load().
  void configure(const void* config, std::size_t size);
  void leave_out(const std::string& program);  ///< it is not loaded, and program() is -1; before load()
  void load();

  int map(const std::string& name) const;  ///< descriptor; after load()
  bool has_map(const std::string& name) const;
  int program(const std::string& name) const;  ///< descriptor, or -1 if it was left out; after load()
  void update(const std::string& map, std::uint32_t key, const void* value) const;
  /// Fills an array map from the front, in as few system calls as the kernel allows.
  void fill(const std::string& map, const void* values, std::size_t value_size, std::uint32_t count) const;

 private:
  bpf_map* find(const std::string& map) const;
  bpf_program* find_program(const std::string& name) const;
  struct Close {
    void operator()(bpf_object* object) const { bpf_object__close(object); }
  };
  std::string name_;
  std::unique_ptr<bpf_object, Close> object_;
};

/// A memory-mapped array map of one or more T.
template <class T>
class Mapped {
 public:
  Mapped() = default;
  Mapped(int map_fd, std::uint32_t entries);
  Mapped(Mapped&& other) noexcept : data_(std::exchange(other.data_, nullptr)), length_(other.length_) {}
  Mapped& operator=(Mapped&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(length_, other.length_);
    return *this;
  }
  ~Mapped();
  T* get() const { return data_; }
  T& operator[](std::size_t i) const { return data_[i]; }

 private:
  T* data_ = nullptr;
  std::size_t length_ = 0;
};

}  // namespace faultline::pen
