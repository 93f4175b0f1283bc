// What services said to requests that failed, for people who ask why: the first answer to each probe with each error,
// in each part of the run between the edges of phases and windows, so that whoever looks at one hypothesis finds the
// one of its window. Bounded, visible and without the secrets that are known.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "injector/base/units.h"
#include "injector/probe/probe.h"
#include "injector/record/schema.h"

namespace faultline::record {

class KeptAnswers {
 public:
  static constexpr std::size_t kMostOfProbe = 256;

  /// Instants since T0 between which answers are kept anew.
  void set_edges(std::vector<Ns> edges);
  const std::vector<std::string>& secrets() const { return secrets_; }
  void set_secrets(std::vector<std::string> secrets) { secrets_ = std::move(secrets); }
  /// The event for a request that failed, if it is the first of its kind there.
  std::optional<events::Answer> keep(const std::string& probe_name, const probe::Sample& sample);

 private:
  std::string fit(std::string_view said, std::uint64_t& left_out) const;
  std::size_t sound_end(std::string_view text) const;
  std::vector<Ns> edges_;
  std::vector<std::string> secrets_;
  std::set<std::tuple<std::string, std::string, std::ptrdiff_t>> kept_;  // probe, error, part
  std::map<std::string, std::size_t> of_probe_;
};

}  // namespace faultline::record
