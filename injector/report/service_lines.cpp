#include "injector/report/service_lines.h"

#include <fcntl.h>
#include <re2/re2.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <string_view>
#include <system_error>
#include <tuple>

#include "injector/base/fd.h"
#include "injector/base/secrets.h"
#include "injector/base/text.h"
#include "injector/base/visible_text.h"

namespace faultline::report {
namespace {

constexpr std::size_t kStamp = 27;       // "2026-11-22T01:50:05.123456Z", as rfc3339() writes it
constexpr std::size_t kLongest = 300;    // bytes of a line that are shown
constexpr off_t kBlock = 64 << 10;       // more than the longest line that the lab writes
constexpr off_t kReadEachWay = 2 << 20;  // read before the instant, and after it

/// Whether a line seems to tell of trouble. A guess, for what is shown first; the log itself is a click away.
bool tells_of_trouble(std::string_view line) {
  // Most are looked for within words, too: ECONNREFUSED, SocketTimeoutException, conn_error=3.
  static const re2::RE2 words(
      R"((?i)error|exception|fatal|panic|refus|reject|denied|overload|unreach|unavail|time-?d?[ _-]?out|reset|)"
      R"(fail(?:ed|ure|s|ing)|\b(?:fail|down|lost|warn|warning|abort\w*|deadline|gave up|giv(?:es|ing) up)\b)");
  return re2::RE2::PartialMatch({line.data(), line.size()}, words);
}

/// What is told first is the least.
using Rank = std::tuple<bool, Ns>;
Rank rank_of(std::string_view line, Ns apart) {
  return {!tells_of_trouble(line), apart <= 0 ? -apart : apart + kSecond};
}

/// The time that a line begins with; none: it is not one of ours.
std::string_view stamp_of(std::string_view line) {
  return line.size() > kStamp && line[kStamp - 1] == 'Z' && line[kStamp] == ' ' ? line.substr(0, kStamp)
                                                                                : std::string_view();
}

std::string read_at(int fd, off_t from, off_t size) {
  std::string text(static_cast<std::size_t>(size), '\0');
  std::size_t have = 0;
  while (have < text.size()) {
    const ssize_t got = ::pread(fd, text.data() + have, text.size() - have, from + static_cast<off_t>(have));
    if (got == -1 && errno == EINTR) continue;
    if (got <= 0) break;
    have += static_cast<std::size_t>(got);
  }
  text.resize(have);
  return text;
}

/// An offset before which nothing was written at `from` or later, and at most a block before what was. The times rise,
/// so half of what is left is left out at each step.
off_t beginning(int fd, off_t size, const std::string& from) {
  off_t low = 0, high = size;
  while (high - low > kBlock) {
    const off_t middle = low + (high - low) / 2;
    const std::string text = read_at(fd, middle, kBlock);
    const auto newline = text.find('\n');
    const auto stamp =
        newline == std::string::npos ? std::string_view() : stamp_of(std::string_view(text).substr(newline + 1));
    if (!stamp.empty() && stamp < from)
      low = middle + static_cast<off_t>(newline) + 1;
    else
      high = middle;
  }
  return low;
}

struct Ranked {
  Rank rank;
  WrittenNear near;
};

std::optional<Ranked> near_in(const std::filesystem::path& path, const Around& around,
                              const std::vector<std::string>& secrets) {
  const Fd file(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  struct stat st {};
  if (!file || fstat(file.get(), &st) != 0 || !S_ISREG(st.st_mode)) return {};
  const std::string from = rfc3339(around.from), to = rfc3339(around.to);
  const off_t middle = beginning(file.get(), st.st_size, rfc3339(around.at)),
              first = std::max(beginning(file.get(), st.st_size, from), middle - kReadEachWay),
              last = std::min({beginning(file.get(), st.st_size, to) + 2 * kBlock, middle + kReadEachWay, st.st_size});
  const std::string text = read_at(file.get(), first, std::max<off_t>(0, last - first));

  std::optional<Ranked> best;
  std::size_t lines = 0;
  bool before = false, after = false;  // lines were read that are not about the instant
  for (std::string_view left = text; !left.empty();) {
    const auto newline = left.find('\n');
    const std::string_view line = left.substr(0, newline);
    left = newline == std::string_view::npos ? std::string_view() : left.substr(newline + 1);
    const auto stamp = stamp_of(line);
    if (stamp.empty()) continue;  // the first, of which the beginning is missing
    before = before || stamp < from;
    if (stamp < from) continue;
    after = stamp > to;
    if (after) break;
    const auto at = wall_of(stamp);
    const std::string_view said = line.substr(kStamp + 1, kLongest);
    if (!at || said.empty()) continue;
    lines++;
    const Ns apart = *at - around.at;
    const Rank rank = rank_of(said, apart);
    if (best && best->rank <= rank) continue;
    best = Ranked{rank, {.apart = apart, .line = std::string(line.substr(kStamp + 1, 4 * kLongest))}};
  }
  if (!best) return {};
  best->near.file = path.filename().string();
  best->near.lines = lines;
  best->near.trouble = !std::get<0>(best->rank);
  best->near.more = (first > 0 && !before) || (last < st.st_size && !after);
  best->near.line = bounded(without_values(without_secrets_in(std::move(best->near.line)), secrets), kLongest);
  return best;
}

}  // namespace

std::vector<std::string> logs_in(const std::filesystem::path& services) {
  std::vector<std::string> names;
  std::error_code none;
  for (auto entry = std::filesystem::directory_iterator(services, none); !none && entry != decltype(entry)();
       entry.increment(none))
    if (entry->path().extension() == ".log") names.push_back(entry->path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<WrittenNear> written_near(const std::filesystem::path& services, const Around& around,
                                      const std::vector<std::string>& secrets) {
  std::vector<Ranked> all;
  for (const auto& name : logs_in(services))
    if (auto near = near_in(services / name, around, secrets)) all.push_back(std::move(*near));
  std::sort(all.begin(), all.end(), [](const Ranked& a, const Ranked& b) {
    return std::tie(a.rank, a.near.file) < std::tie(b.rank, b.near.file);
  });
  std::vector<WrittenNear> out;
  for (auto& one : all) out.push_back(std::move(one.near));
  return out;
}

}  // namespace faultline::report
