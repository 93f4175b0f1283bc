#include "injector/pen/objects.h"

#include <fmt/format.h>

#include "faults/abi.h"
#include "player.skel.h"
#include "player_classic.skel.h"
#include "selector.skel.h"
#include "selector_classic.skel.h"
#include "selector_classic_cgroups.skel.h"

namespace faultline::pen {

BpfObject open_player(Engine engine) {
  std::size_t size = 0;
  const void* bytes = engine == Engine::tcx ? player__elf_bytes(&size) : player_classic__elf_bytes(&size);
  return BpfObject("fl_player", bytes, size);
}

BpfObject open_selector(Engine engine, std::uint32_t seat, bool btf) {
  std::size_t size = 0;
  const void* bytes = engine == Engine::tcx ? selector__elf_bytes(&size)
                      : btf                 ? selector_classic_cgroups__elf_bytes(&size)
                                            : selector_classic__elf_bytes(&size);
  return BpfObject(fmt::format("fl_sel{}", seat), bytes, size);
}

}  // namespace faultline::pen
