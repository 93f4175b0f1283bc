// The fields of a fault's account (faults/account.h) as they stand in a journal, and of what it is made of.
#pragma once

#include "faults/account.h"
#include "injector/record/fields.h"

namespace faultline::record {

template <>
struct FieldsOf<faults::TimeQuantiles> {
  static constexpr const char* shape = "time quantiles";
  static constexpr auto fields = std::tuple{
      field("p50", &faults::TimeQuantiles::p50, "half of the packets had at most this"),
      field("p90", &faults::TimeQuantiles::p90, "nine of ten"), field("p99", &faults::TimeQuantiles::p99, "99 of 100"),
      field("max", &faults::TimeQuantiles::max, "all"),
      field("count", &faults::TimeQuantiles::count, "how many packets were measured")};
};

template <>
struct FieldsOf<faults::LeftLate> {
  static constexpr const char* shape = nullptr;
  static constexpr auto fields =
      std::tuple{field("all", &faults::LeftLate::all, "in wire packets"),
                 field("full", &faults::LeftLate::full, "of these: while the line was full")};
};

template <>
struct FieldsOf<faults::Undelivered> {
  static constexpr const char* shape = "undelivered";
  static constexpr auto fields = std::tuple{[](auto visit) {
    for (const auto& one : faults::kUndelivered) visit(field(one.name, one.in, one.why));
  }};
};

template <>
struct FieldsOf<faults::Counts> {
  static constexpr const char* shape = "counts";
  static constexpr auto fields = std::tuple{[](auto visit) {
                                              for (const auto& one : faults::kCounts)
                                                visit(field(one.name, one.in, one.means));
                                            },
                                            field("bytes", &faults::Counts::bytes, "of what was matched")};
};

template <>
struct FieldsOf<faults::TargetAccount> {
  static constexpr const char* shape = nullptr;
  static constexpr auto fields =
      std::tuple{field("target", &faults::TargetAccount::target, "its name"),
                 field("matched", &faults::TargetAccount::matched,
                       "wire packets of it; what passes between two targets counts for both")};
};

template <>
struct FieldsOf<faults::Unseen> {
  static constexpr const char* shape = nullptr;
  static constexpr auto fields = std::tuple{field("site", &faults::Unseen::site, "of which site"),
                                            field("device", &faults::Unseen::device, "at which device"),
                                            field("hook", &faults::Unseen::hook, "at which hook of it"),
                                            field("packets", &faults::Unseen::packets, "how many")};
};

template <>
struct FieldsOf<faults::SiteAccount> {
  static constexpr const char* shape = nullptr;
  static constexpr auto fields =
      std::tuple{field("site", &faults::SiteAccount::site, "its name"), Among<faults::Counts>{"of that site alone"}};
};

template <>
struct WordOf<const faults::Effect*> {
  static const char* of(const faults::Effect* effect) { return effect->name; }
  static void read(std::string_view word, const faults::Effect*& effect) {
    for (const auto& one : faults::kEffects)
      if (word == one.name) effect = &one;
  }
};

template <>
struct FieldsOf<faults::Account> {
  static constexpr const char* shape = nullptr;
  using Account = faults::Account;
  static constexpr auto fields = std::tuple{
      field("fault", &Account::fault, "its name"),
      field("asks", &Account::asks,
            "what it asked for, of `loss`, `flows`, `clients`, `duplicate`, `corrupt`, `reorder`, `delay`, `rate`"),
      Among<faults::Counts>{"of all sites, in wire packets"},
      field("targets", &Account::targets, "what it met of each of its targets"),
      field("undelivered", &Account::undelivered, "selected, and not back as asked; by why"),
      field("unseen", &Account::unseen, "where those that are `unaccounted` were to be seen again"),
      field("applied_delay_us", &Account::applied_delay, "the fault's own share of the delay, in µs"),
      field("held_us", &Account::held,
            "what was measured, in µs: with other delays, the wait for order and the lateness"),
      field("lateness_us", &Account::lateness, "held, less what was asked in all, in µs"),
      field("left_late", &Account::left_late, "left the line more than 1 ms after they were due"),
      field("planned_onset", &Account::planned_onset,
            "when its channel first does something; null: as its window begins"),
      field("first_affected", &Account::first_affected, "the first packet dropped or delayed; null: none"),
      field("last_affected", &Account::last_affected, "the last; null: none"),
      field("sites", &Account::sites, "what it did at each site")};
};

}  // namespace faultline::record
