// What tests of probes that ask a database stand on: one server for all tests of a suite, since it takes seconds to
// make, in a namespace and a folder of its own. A suite starts it in its SetUpTestSuite: make_room(), server_,
// await_answer(). It has `query(text)`, which asks it, and `kEndedBy`, the signal that ends it.
#pragma once

#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/harness/asking.h"
#include "tests/harness/command.h"
#include "tests/harness/processes.h"

namespace faultline::test {

template <class Suite>
class DatabaseBed : public testing::Test {
 protected:
  /// With so long between them each request finds the one before answered.
  static constexpr Ns kApart = 250 * kMillisecond;

  /// A namespace, and a folder that the server's user may write to.
  static void make_room() {
    ns_ = std::make_unique<NetNs>(loopback_ns());
    folder_ = std::make_unique<TemporaryFolder>();
    std::filesystem::permissions(folder_->path(), std::filesystem::perms::all);
  }
  /// Starts the server, as nobody.
  static void start(std::vector<std::string> argv) {
    const Inside inside(*ns_);
    server_ = std::make_unique<Command>(as_nobody(std::move(argv)));
  }
  static void await_answer() {
    ASSERT_TRUE(eventually([] {
      return verdicts(ask(Suite::query("select 1"), *ns_, 50 * kMillisecond)).contains("ok");
    })) << server_->errors();
  }
  static void TearDownTestSuite() {
    if (server_) server_->signal(Suite::kEndedBy);
    if (server_) server_->wait(20 * kSecond);
    server_.reset();
    folder_.reset();
    ns_.reset();
  }

  static std::string file(const std::string& name) { return folder_->path() / name; }
  /// A probe that asks this at `uri`.
  static probe::Probe query_of(const char* kind, const std::string& uri, const std::string& text,
                               const std::string& reply) {
    auto p = probe_of(kind, uri);
    p.params.set("query", text);
    p.params.set("expect.reply", reply);
    return p;
  }
  /// What became of four requests.
  static Verdicts four(probe::Probe probe, Ns every = 25 * kMillisecond) {
    probe.every = every;
    return verdicts(ask(probe, *ns_, 4 * probe.every));
  }

  static inline std::unique_ptr<NetNs> ns_;
  static inline std::unique_ptr<TemporaryFolder> folder_;
  static inline std::unique_ptr<Command> server_;
};

}  // namespace faultline::test
