// The selector of all sites of a run: programs, loaded once for each shape of site, and the tables that they share. A
// site costs a row in each table and an entrance (entrance.h) at each hook of its devices.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <vector>

#include "faults/score.h"
#include "injector/base/progress.h"
#include "injector/pen/load.h"
#include "injector/pen/tables.h"

namespace faultline::pen {

/// A site to be: `rules` are looked at, not kept.
struct Seating {
  const std::vector<site::Rule>* rules;
  SelectorPlace place;
};

class Selectors {
 public:
  /// Loads the programs that these sites need, all of the score's in its order, and writes their settings. `seats` is
  /// how many there can ever be. Tables that are the player's too are shared with it.
  Selectors(Engine engine, const faults::Score& score, const std::vector<Seating>& sites,
            std::uint16_t reinjection_mark, std::uint32_t seats, const BpfObject& player,
            const Progress& progress = unwatched);

  /// Another seat for a site. Its programs are those of the same shape, loaded if there are none. Meanwhile other
  /// threads may use what is not about this seat.
  void take(const Seating& seating);
  /// Takes away what was written for a seat that is given up.
  void leave(std::uint32_t seat);

  /// What rules of a seat are about one device they are about another from here on, which took its place.
  void move_device(std::uint32_t seat, std::uint32_t from, std::uint32_t to);

  /// That a seat's entrances lead to.
  const BpfObject& programs(std::uint32_t seat) const { return *seats_.at(seat).programs; }
  /// A set of programs that has all tables. Its "give_back" is the return of every site.
  const BpfObject& common() const { return *common_; }
  /// How many sets of programs there are.
  std::size_t shapes() const { return loaded_.size(); }

  /// Which cgroups the rules of a seat are about, in place of those it knew. Packets may meet it meanwhile: new ones
  /// are added before old ones are taken away.
  void set_cgroups(std::uint32_t seat, const site::CgroupMasks& masks);
  /// Which rules of a site are about an address that came to be known since.
  void tell_learned(std::uint32_t site, const fl_address& address, const fl_masks& rules);

 private:
  struct Loaded {
    fl_selector_shape shape;
    std::unique_ptr<BpfObject> object;
  };
  struct Seat {
    const BpfObject* programs = nullptr;
    std::vector<std::uint32_t> devices;  // that tables have rows for
    std::vector<std::uint64_t> cgroups;
  };
  /// What is to be written down for a seat.
  struct Settings {
    fl_selector_config config{};
    fl_selector_shape shape{};
    std::map<std::uint32_t, std::uint64_t> devices;
    site::CgroupMasks cgroups;
  };
  site::Masks compile(const Seating& seating) const;
  Settings settle(const Seating& seating, const site::Masks& masks) const;
  void write(const Settings& settings);
  void load(const fl_selector_shape& shape, const std::function<void(BpfObject&)>& prepare);
  void size_tables(BpfObject& object, const Tables& tables, const std::vector<Settings>& all) const;
  void fill_tables(const Tables& tables) const;

  const Engine engine_;
  const faults::Score& score_;
  const std::uint16_t reinjection_mark_;
  const BpfObject& player_;
  const bool btf_;                    // of the kernel
  std::vector<TablesOfSite> tables_;  // by site
  std::list<Loaded> loaded_;
  const BpfObject* common_ = nullptr;  // the first of them
  std::vector<Seat> seats_;
};

}  // namespace faultline::pen
