#include "injector/base/program.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <sstream>

namespace faultline {
namespace {

bool is_program(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::is_regular_file(path, ignored) && access(path.c_str(), X_OK) == 0;
}

}  // namespace

std::string search_path() {
  const char* path = std::getenv("PATH");
  std::string complete = path != nullptr ? path : "/usr/local/bin:/usr/bin:/bin";
  for (const std::string folder : {"/usr/local/sbin", "/usr/sbin", "/sbin"})
    if ((":" + complete + ":").find(":" + folder + ":") == std::string::npos) complete += ":" + folder;
  return complete;
}

bool can_execute(const std::string& program) {
  if (program.find('/') != std::string::npos) return is_program(program);
  std::istringstream folders(search_path());
  for (std::string folder; std::getline(folders, folder, ':');)
    if (is_program((folder.empty() ? "." : folder) + "/" + program)) return true;
  return false;
}

std::string libexec_folder() {
  std::error_code ignored;
  const auto folder = std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path();
  if (std::filesystem::is_directory(folder / "libexec", ignored)) return folder / "libexec";
  return folder.parent_path() / "libexec/faultline";
}

}  // namespace faultline
