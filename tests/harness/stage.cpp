#include "tests/harness/stage.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <array>
#include <cstring>

#include "injector/base/error.h"
#include "stage.skel.h"
#include "tests/harness/programs.h"

namespace faultline::test {

Stage::Stage() : skeleton_(stage__open_and_load()) {
  if (skeleton_ == nullptr) throw std::system_error(errno, std::generic_category(), "load the stage");
}

Stage::~Stage() { stage__destroy(skeleton_); }

int Stage::program(const std::string& name) const {
  const bpf_program* found = bpf_object__find_program_by_name(skeleton_->obj, name.c_str());
  if (found == nullptr) throw std::logic_error("the stage has no program " + name);
  return bpf_program__fd(found);
}

void Stage::set_next(int program) {
  const std::uint32_t zero = 0;
  check_neg("set the next program", bpf_map_update_elem(bpf_map__fd(skeleton_->maps.next), &zero, &program, BPF_ANY));
}

void Stage::prepare(std::uint32_t tc_index, std::uint32_t vlan) {
  skeleton_->bss->tc_index = tc_index;
  skeleton_->bss->vlan = vlan;
  skeleton_->bss->runs = 0;
}

std::uint32_t Stage::seen() const { return skeleton_->bss->seen; }

void Stage::restamp(const fl_stamp& stamp) { skeleton_->bss->held = stamp; }

void Stage::set_addresses(const std::vector<std::uint8_t>& addresses) {
  for (std::uint32_t i = 0; i < kAddresses; i++)
    check_neg("write an address",
              bpf_map_update_elem(bpf_map__fd(skeleton_->maps.addresses), &i, &addresses.at(16 * i), BPF_ANY));
}

void Stage::compute() {
  static const Frame frame = build({});
  run_program(program("compute"), {.frame = frame});
}

std::uint32_t Stage::bucket(std::uint64_t ticks) {
  skeleton_->bss->bucket_of = ticks;
  compute();
  return skeleton_->bss->bucket;
}

std::int64_t Stage::segment_value(std::uint64_t point_t, std::int64_t value, std::int64_t slope, std::uint64_t t) {
  auto* bss = skeleton_->bss;
  bss->segment.t = point_t;
  bss->segment.value = value;
  bss->segment.slope = slope;
  bss->segment_t = t;
  compute();
  return bss->segment_value;
}

}  // namespace faultline::test
