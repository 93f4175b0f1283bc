#include "injector/run/folder.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <map>

#include "injector/base/clock.h"
#include "injector/base/error.h"
#include "injector/plan/origin.h"

namespace faultline::run {
namespace fs = std::filesystem;

namespace {

void write(const fs::path& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.flush();
  if (!file)
    throw fs::filesystem_error("write " + path.filename().string(), path,
                               std::error_code(errno, std::generic_category()));
}

/// An empty folder; its name comes from the plan's where none is given.
fs::path empty_folder(const std::string& name, const fs::path& out) {
  fs::path folder = out;
  if (folder.empty()) {
    const auto now = static_cast<time_t>(wall_now() / kSecond);
    const std::string stem = fmt::format("{:%Y%m%dT%H%M%SZ}-{:.100}", fmt::gmtime(now), name);
    folder = fs::path("runs") / stem;
    const bool first = fs::create_directories("runs");
    if (first) give_to_user("runs");
    for (int again = 2; !fs::create_directory(folder); again++)
      folder = fs::path("runs") / fmt::format("{}-{}", stem, again);
  } else if (fs::exists(folder) && (!fs::is_directory(folder) || !fs::is_empty(folder))) {
    throw Failure(Exit::invalid,
                  fmt::format("--out {}: it exists and is not an empty folder; a run never overwrites a record",
                              folder.string()));
  }
  fs::create_directories(folder);
  return folder;
}

[[noreturn]] void tell(const fs::filesystem_error& e) {
  throw Failure(e.code() == std::errc::no_space_on_device ? Exit::failed : Exit::cannot_run,
                fmt::format("cannot make the run folder: {}: {}", e.path1().string(), e.code().message()));
}

}  // namespace

std::filesystem::path make_arms_folder(const std::string& name, const fs::path& out) {
  try {
    return empty_folder(name, out);
  } catch (const fs::filesystem_error& e) {
    tell(e);
  }
}

std::filesystem::path make_folder(const plan::Plan& plan, const fs::path& out) {
  try {
    const fs::path folder = empty_folder(plan.name, out);
    fs::create_directories(folder / "services");
    write(folder / "plan.toml", plan.text);
    std::map<std::string, std::string> copies;
    for (const auto& input : plan.inputs) {
      fs::create_directory(folder / "inputs");
      const fs::path name = fs::path(input.path).filename();
      fs::path copy = folder / "inputs" / name;
      for (int again = 2; fs::exists(copy); again++)
        copy = folder / "inputs" / fmt::format("{}-{}", again, name.string());
      write(copy, input.text);
      copies[input.path] = copy.lexically_relative(folder).string();
    }
    write(folder / "origin.json", plan::origin_text(plan, copies));
    return folder;
  } catch (const fs::filesystem_error& e) {
    tell(e);
  }
}

void give_to_user(const fs::path& folder) {
  const char *uid = std::getenv("SUDO_UID"), *gid = std::getenv("SUDO_GID");
  if (uid == nullptr || gid == nullptr || geteuid() != 0) return;
  const auto user = static_cast<uid_t>(std::strtoul(uid, nullptr, 10));
  const auto group = static_cast<gid_t>(std::strtoul(gid, nullptr, 10));
  const auto give = [&](const fs::path& path) { (void)!lchown(path.c_str(), user, group); };
  std::error_code ignored;
  give(folder);
  for (fs::recursive_directory_iterator it(folder, ignored), end; it != end; it.increment(ignored)) give(it->path());
}

}  // namespace faultline::run
