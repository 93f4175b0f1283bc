#include "tests/harness/authority.h"

#include <fmt/format.h>

#include <stdexcept>
#include <vector>

#include "tests/harness/command.h"

namespace faultline::test {
namespace {

void openssl(std::vector<std::string> argv) {
  argv.insert(argv.begin(), "openssl");
  const Said made = say_all(argv);
  if (made.status != 0) throw std::runtime_error(fmt::format("openssl {}: {}", argv[1], made.errors));
}

void request(const std::filesystem::path& folder, const std::string& name, const std::string& subject,
             const std::vector<std::string>& more) {
  std::vector<std::string> argv{"req",
                                "-x509",
                                "-newkey",
                                "ec",
                                "-pkeyopt",
                                "ec_paramgen_curve:prime256v1",
                                "-nodes",
                                "-days",
                                "2",
                                "-subj",
                                "/CN=" + subject,
                                "-keyout",
                                folder / (name + ".key"),
                                "-out",
                                folder / (name + ".pem")};
  argv.insert(argv.end(), more.begin(), more.end());
  openssl(std::move(argv));
}

}  // namespace

void make_authority(const std::filesystem::path& folder, const std::string& name) {
  request(folder, name, "authority " + name, {});
}

void make_certificate(const std::filesystem::path& folder, const std::string& name, const std::string& names,
                      const std::string& authority) {
  const auto begin = names.find(':') + 1;
  request(folder, name, names.substr(begin, names.find(',') - begin),
          {"-CA", folder / (authority + ".pem"), "-CAkey", folder / (authority + ".key"), "-addext",
           "subjectAltName=" + names, "-addext", "basicConstraints=CA:FALSE"});
}

std::filesystem::path encrypt_key(const std::filesystem::path& folder, const std::string& name) {
  const auto encrypted = folder / (name + "-encrypted.key");
  openssl({"pkey", "-in", folder / (name + ".key"), "-aes256", "-passout", "pass:sesame", "-out", encrypted});
  return encrypted;
}

std::string refusal_of(const std::filesystem::path& encrypted_key) {
  return fmt::format(
      "{0} is encrypted, and nobody can be asked for its pass phrase: name a file without one (openssl pkey -in {0} "
      "-out FILE)",
      encrypted_key.string());
}

}  // namespace faultline::test
