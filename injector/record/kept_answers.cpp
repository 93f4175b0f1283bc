#include "injector/record/kept_answers.h"

#include <algorithm>

#include "injector/base/secrets.h"
#include "injector/base/visible_text.h"

namespace faultline::record {

void KeptAnswers::set_edges(std::vector<Ns> edges) {
  edges_ = std::move(edges);
  std::sort(edges_.begin(), edges_.end());
}

std::optional<events::Answer> KeptAnswers::keep(const std::string& probe_name, const probe::Sample& sample) {
  if (sample.ok || !sample.said) return {};
  const auto part = std::upper_bound(edges_.begin(), edges_.end(), sample.due) - edges_.begin();
  if (!kept_.emplace(probe_name, sample.error, part).second) return {};
  if (of_probe_[probe_name]++ >= kMostOfProbe) return {};
  events::Answer answer{probe_name, sample.due, sample.error, {}, {}, sample.said->left_out, {}};
  answer.output = fit(sample.said->output, answer.left_out);
  answer.errors = fit(sample.said->errors, answer.left_out);
  std::uint64_t whole = 0;  // it is never cut
  if (!sample.said->mismatch.empty()) answer.mismatch = fit(sample.said->mismatch, whole);
  return answer;
}

std::string KeptAnswers::fit(std::string_view said, std::uint64_t& left_out) const {
  std::string text(said.substr(0, probe::Heard::kMost));
  if (said.size() >= probe::Heard::kMost) text.resize(sound_end(text));
  left_out += said.size() - text.size();
  return visible_lines(without_values(without_secrets_in(std::move(text)), secrets_));
}

/// Where to cut a text that is cut already: before half a character, and before what may be half a secret.
std::size_t KeptAnswers::sound_end(std::string_view text) const {
  std::size_t end = text.size();
  for (const auto& secret : secrets_)
    for (std::size_t part = std::min(secret.size() - 1, text.size()); part > 2; --part)
      if (text.ends_with(std::string_view(secret).substr(0, part))) end = std::min(end, text.size() - part);
  std::size_t lead = end;
  while (lead > 0 && end - lead < 3 && (text[lead - 1] & 0xc0) == 0x80) --lead;
  if (lead == 0) return end;
  const auto first = static_cast<unsigned char>(text[lead - 1]);
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 1;
  return lead - 1 + length > end ? lead - 1 : end;
}

}  // namespace faultline::record
