#include "injector/pen/answers.h"

#include <bpf/bpf.h>

#include <algorithm>
#include <map>

#include "injector/base/error.h"
#include "injector/pen/load.h"

namespace faultline::pen {
namespace {

/// The names of one site's rules, by hash.
std::map<std::uint64_t, fl_name_rules> names_of(const faults::Score& score, const faults::SiteScore& own) {
  std::map<std::uint64_t, fl_name_rules> names;
  for (const auto& entry : score.names) {
    if (entry.rule < own.first_rule || entry.rule >= own.first_rule + own.rule_count) continue;
    const std::uint64_t bit = 1ull << own.bits[entry.rule - own.first_rule];
    fl_name_rules& rules = names[entry.name.hash];
    (entry.name.under ? rules.under : rules.exact) |= bit;
  }
  return names;
}

}  // namespace

void configure_answers(fl_selector_config& config, const faults::Score& score, const faults::SiteScore& own) {
  std::uint64_t named = 0;
  for (const auto& [hash, rules] : names_of(score, own)) named |= rules.exact | rules.under;
  const auto rules_that = [&](auto is) {
    return score.bits_where(own, [&](std::uint32_t rule) { return is(score.answers[rule]); });
  };
  config.filtered_rules =
      rules_that([](const fl_answer& a) { return a.filter != FL_FILTER_NONE || a.reply != FL_REPLY_NONE; });
  config.lookup_rules = rules_that([](const fl_answer& a) { return a.filter == FL_FILTER_LOOKUP; });
  config.old_rules = rules_that([](const fl_answer& a) { return a.filter == FL_FILTER_OLD; });
  config.follow_rules = rules_that(faults::follows);
  config.any_name_rules = config.lookup_rules & ~named;
}

void size_answers(BpfObject& object, const faults::Score& score) {
  const bool tracks = std::any_of(score.answers.begin(), score.answers.end(),
                                  [](const fl_answer& a) { return a.filter == FL_FILTER_OLD; });
  object.resize("opened", tracks ? FL_OPENED_ELEMENTS : 1);
  object.resize("answers", static_cast<std::uint32_t>(score.answers.size()));
  object.resize("names", static_cast<std::uint32_t>(score.names.size()));
}

void fill_answers(const BpfObject& object, const faults::Score& score) {
  object.fill("answers", score.answers.data(), sizeof(fl_answer), static_cast<std::uint32_t>(score.answers.size()));
  if (score.names.empty()) return;
  for (const auto& own : score.sites) {
    for (const auto& [hash, rules] : names_of(score, own)) {
      const fl_name_key key{hash, own.first_rule, 0};
      check_neg("write a name's rules", bpf_map_update_elem(object.map("names"), &key, &rules, BPF_ANY));
    }
  }
}

}  // namespace faultline::pen
