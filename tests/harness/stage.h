// The stage's programs (see stage.bpf.c) as a value.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "faults/abi.h"

struct stage;

namespace faultline::test {

class Stage {
 public:
  Stage();
  ~Stage();
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;

  int program(const std::string& name) const;
  void set_next(int program);  ///< the program that is tail-called
  void prepare(std::uint32_t tc_index, std::uint32_t vlan);
  std::uint32_t seen() const;
  void restamp(const fl_stamp& stamp);  ///< what "restamp" puts in front of the frame
  /// Addresses for "vary4" and "vary6", kAddresses of them, 16 bytes each.
  void set_addresses(const std::vector<std::uint8_t>& addresses);
  static constexpr std::uint32_t kAddresses = 1 << 14;

  std::uint32_t bucket(std::uint64_t ticks);  ///< fl_bucket() as eBPF computes it
  std::int64_t segment_value(std::uint64_t point_t, std::int64_t value, std::int64_t slope, std::uint64_t t);

 private:
  void compute();
  stage* skeleton_;
};

}  // namespace faultline::test
