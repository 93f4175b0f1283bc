#include "injector/lab/lacking.h"

#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "injector/base/program.h"
#include "injector/nursery/nursery.h"
#include "injector/plan/programs.h"

namespace faultline::lab {
namespace {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;

bool in_own_folder(const std::string& path, const std::string& plans_folder) {
  // These stay visible, wherever they lie.
  if (path.starts_with(plans_folder + "/") || path.starts_with(libexec_folder() + "/")) return false;
  for (const char* folder : {"/run/", "/tmp/", "/var/tmp/", "/var/run/", "/dev/shm/"})
    if (path.starts_with(folder)) return true;
  return false;
}

std::string how_to_get(const std::string& program) {
  if (program.starts_with(libexec_folder() + "/")) return "build all of Faultline: cmake --build BUILD_FOLDER";
  const std::string package = nursery::package_of(program);
  return package.empty() ? "" : "apt-get install " + package;
}

/// What runs a script: "#!/usr/bin/env bash" is bash. Empty for a file that is not a script.
std::string interpreter_of(const std::string& path) {
  char begin[256] = {};  // as much of it as the kernel reads
  std::ifstream(path).read(begin, sizeof begin - 1);
  std::istringstream text(begin);
  std::string line, word;
  if (!std::getline(text, line) || !line.starts_with("#!")) return {};
  std::istringstream words(line.substr(2));
  words >> word;
  if (word.ends_with("/env"))
    while (words >> word && (word.starts_with("-") || word.find('=') != std::string::npos)) {
    }
  return word;
}

class Looker {
 public:
  explicit Looker(const plan::Plan& plan) : plan_(plan) {}
  std::vector<Lack> found;

  /// `who` runs this, as `user`, on a host of the lab or not.
  void look_for(const Words& command, const std::string& who, const plan::SourcePlace& at, bool on_host) {
    if (command.empty()) return;
    const std::string& program = command[0];
    if (program.find('/') == std::string::npos) {
      if (!can_execute(program))
        lacks(at, fmt::format("{} needs the program \"{}\", which is not on this machine", who, program),
              how_to_get(program));
    } else if (!on_host || !in_own_folder(program, plan_.directory)) {
      look_for_file(program, who, at);
    }
    for (std::size_t i = 1; i < command.size(); i++) look_into(command[i], who, at);
    for (const auto& used : plan::programs_used_by(command, nursery::is_known))
      if (!is_installed(used))
        lacks(at, fmt::format("{} runs a script that uses \"{}\", which is not on this machine", who, used),
              how_to_get(used));
  }

  void look_for_user(const std::string& user, const std::string& who, const plan::SourcePlace& at) {
    if (user.empty() || getpwnam(user.c_str()) != nullptr) return;
    static const std::map<std::string, std::string> packages = {
        {"redis", "redis-server"},  {"postgres", "postgresql"},  {"haproxy", "haproxy"},
        {"mosquitto", "mosquitto"}, {"mysql", "mariadb-server"}, {"rabbitmq", "rabbitmq-server"},
        {"etcd", "etcd-server"},    {"memcache", "memcached"}};
    const auto package = packages.find(user);
    lacks(at, fmt::format("{} runs as the user \"{}\", who does not exist on this machine", who, user),
          package == packages.end() ? "" : "apt-get install " + package->second);
  }

 private:
  void lacks(const plan::SourcePlace& at, std::string message, std::string help) {
    if (std::none_of(found.begin(), found.end(), [&](const Lack& lack) { return lack.message == message; }))
      found.push_back({at, std::move(message), std::move(help)});
  }

  /// A program by its path.
  void look_for_file(const std::string& path, const std::string& who, const plan::SourcePlace& at) {
    std::error_code none;
    if (!fs::exists(path, none)) {
      lacks(at, fmt::format("{} needs \"{}\", which does not exist", who, path), how_to_get(path));
    } else if (!can_execute(path)) {
      lacks(at, fmt::format("{} needs \"{}\", which cannot be executed", who, path),
            fs::is_regular_file(path, none) ? "chmod +x " + path : "");
    } else if (const std::string by = interpreter_of(path); !by.empty() && !can_execute(by)) {
      lacks(at, fmt::format("{} runs \"{}\", a script for \"{}\", which is not on this machine", who, path, by),
            how_to_get(by));
    }
  }

  /// An argument that names a file beside the plan, as "${plan_dir}/nginx.conf" and "--conf=${plan_dir}/x" do.
  void look_into(const std::string& argument, const std::string& who, const plan::SourcePlace& at) {
    const auto begin = argument.find(plan_.directory + "/");
    if (begin == std::string::npos || argument.find('\n') != std::string::npos) return;
    if (begin != 0 && argument[begin - 1] != '=' && argument[begin - 1] != '@') return;  // a shell's text, or a list
    const std::string path = argument.substr(begin);
    std::error_code none;
    if (!fs::exists(path, none) && path.find_first_of(" ;|&*?$") == std::string::npos)
      lacks(at, fmt::format("{} is given the file \"{}\", which does not exist", who, path), "");
  }

  const plan::Plan& plan_;
};

}  // namespace

bool is_installed(const std::string& program) {
  if (can_execute(program)) return true;
  std::error_code none;
  for (const auto& version : fs::directory_iterator("/usr/lib/postgresql", none))
    if (can_execute((version.path() / "bin" / program).string())) return true;
  return false;
}

std::vector<Lack> lacking(const plan::Plan& plan) {
  Looker looker(plan);
  if (plan.lab) {
    for (const auto& host : plan.lab->hosts) {
      const std::string who = fmt::format("lab host \"{}\"", host.name);
      looker.look_for(host.command, who, host.at, true);
      if (host.ready) looker.look_for(host.ready->command, who + " (ready)", host.at, true);
      looker.look_for_user(host.user, who, host.at);
    }
  }
  const auto is_host = [&](const std::string& name) {
    return plan.lab && std::any_of(plan.lab->hosts.begin(), plan.lab->hosts.end(),
                                   [&](const auto& host) { return host.name == name; });
  };
  for (const auto& probe : plan.probes)
    if (probe.kind->runs_program())
      looker.look_for(probe.program(), fmt::format("probe \"{}\"", probe.name), probe.at, is_host(probe.from));
  return std::move(looker.found);
}

}  // namespace faultline::lab
