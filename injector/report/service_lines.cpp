#include "injector/report/service_lines.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
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

constexpr std::size_t kStamp = 27;  // "2026-11-22T01:50:05.123456Z", as rfc3339() writes it
constexpr std::size_t kLongest = 300;
constexpr off_t kBlock = 64 << 10;
constexpr off_t kMost = 4 << 20;  // read of a log: what is written faster than that is not for people

/// Words by which a line tells of trouble. A guess, for what is shown first; the log itself is a click away.
constexpr std::string_view kTrouble[] = {"error",   "fail",   "refus", "timeout", "timed out", "unreachable", "reset",
                                         "unavail", "reject", "lost",  "down",    "warn",      "panic",       "abort"};

bool tells_of_trouble(std::string_view line) {
  std::string low(line.substr(0, 4 * kLongest));
  std::transform(low.begin(), low.end(), low.begin(), [](unsigned char c) { return std::tolower(c); });
  return std::any_of(std::begin(kTrouble), std::end(kTrouble),
                     [&](std::string_view word) { return low.find(word) != std::string::npos; });
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

/// From where on lines are to be read, so that none is missed that was written at `from` or later: the times rise, so
/// half of what is left is left out at each step.
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

std::optional<WrittenNear> near_in(const std::filesystem::path& path, Ns wall, Ns span, bool& troubled) {
  const Fd file(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  struct stat st {};
  if (!file || fstat(file.get(), &st) != 0 || !S_ISREG(st.st_mode)) return {};
  const std::string from = rfc3339(wall - span), to = rfc3339(wall + span);
  const std::string text = read_at(file.get(), beginning(file.get(), st.st_size, from), kMost);
  WrittenNear found;
  std::string_view nearest;
  std::tuple<bool, Ns> rank;
  for (std::string_view left = text; !left.empty() && found.lines < kMostLinesNear;) {
    const auto newline = left.find('\n');
    const std::string_view line = left.substr(0, newline);
    left = newline == std::string_view::npos ? std::string_view() : left.substr(newline + 1);
    const auto stamp = stamp_of(line);
    if (stamp.empty() || stamp < from) continue;
    if (stamp > to) break;
    const auto at = wall_of(stamp);
    if (!at) continue;
    found.lines++;
    const Ns apart = *at - wall;
    const std::tuple<bool, Ns> here{!tells_of_trouble(line.substr(kStamp)), apart <= 0 ? -apart : apart + span};
    if (!nearest.empty() && rank <= here) continue;
    rank = here;
    nearest = line.substr(kStamp + 1);
    found.apart = apart;
  }
  if (found.lines == 0) return {};
  found.file = path.filename().string();
  found.line = bounded(without_secrets_in(std::string(nearest.substr(0, 4 * kLongest))), kLongest);
  troubled = !std::get<0>(rank);
  return found;
}

}  // namespace

std::vector<WrittenNear> written_near(const std::filesystem::path& services, Ns wall, Ns span) {
  struct Ranked {
    bool quiet;
    WrittenNear near;
  };
  std::vector<Ranked> all;
  std::error_code none;
  for (auto entry = std::filesystem::directory_iterator(services, none); !none && entry != decltype(entry)();
       entry.increment(none)) {
    if (entry->path().extension() != ".log") continue;
    bool troubled = false;
    if (auto near = near_in(entry->path(), wall, span, troubled)) all.push_back({!troubled, std::move(*near)});
  }
  std::sort(all.begin(), all.end(), [](const Ranked& a, const Ranked& b) {
    return std::tuple(a.quiet, std::abs(a.near.apart), a.near.file) <
           std::tuple(b.quiet, std::abs(b.near.apart), b.near.file);
  });
  std::vector<WrittenNear> out;
  for (auto& one : all) out.push_back(std::move(one.near));
  return out;
}

}  // namespace faultline::report
