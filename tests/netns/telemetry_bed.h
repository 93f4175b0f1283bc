// Two namespaces whose connections a run counts, and what it says of them.
#pragma once

#include <bpf/bpf.h>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "injector/base/error.h"
#include "tests/harness/command.h"
#include "tests/harness/toy_server.h"
#include "tests/harness/two_namespaces.h"
#include "tests/harness/udp.h"

namespace faultline::test {

using nlohmann::json;

struct TelemetryTest : testing::Test {
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
  }

  /// A run with targets "victim" (10.7.0.1) and "them" (10.7.0.2); `top` are keys of the top level, `rest` tables.
  Command start(const std::string& top, const std::string& rest) {
    const std::string text =
        fmt::format("seed = 1\n{}\n[targets.victim]\nnetns = \"{}\"\n[targets.them]\nnetns = \"{}\"\n{}", top,
                    net.path(), net.path(net.there), rest);
    return Command::run(folder.write("plan.toml", text), out);
  }
  static std::string probe(const std::string& lines) {
    return "[probes.ask]\nfrom = \"victim\"\nevery = \"50ms\"\n" + lines + "\n";
  }
  /// summary.json's telemetry of a target.
  json telemetry(const std::string& target = "victim") const {
    for (const auto& one : summary_of(out).value("telemetry", json::array()))
      if (one["target"] == target) return one;
    return nullptr;
  }
  json phase(const std::string& name, const std::string& target = "victim") const {
    const json all = telemetry(target);
    for (const auto& one : all["phases"])
      if (one["phase"] == name) return one;
    return nullptr;
  }
  void expect_done(Command& run) const {
    const auto status = run.wait(60 * kSecond);
    ASSERT_TRUE(status) << run.errors();
    ASSERT_LE(*status, 2) << run.out() << run.errors();
    for (const auto& event : journal_of(out))
      if (event["event"] == "warning") {
        EXPECT_EQ(event["message"].get<std::string>().find("telemetry"), std::string::npos);
      }
  }
  /// The journal is the only truth: what is made from it again is as it was.
  void expect_same_when_reported() const {
    const json before = summary_of(out);
    EXPECT_EQ(say({"report", out.string()}).status, 0);
    EXPECT_EQ(summary_of(out), before);
  }
  /// A target "shop", the group at this path, and a probe that is no connection.
  static std::string shop_at(const std::string& path) {
    return fmt::format("[targets.shop]\ncgroup = \"{}\"\n[probes.p]\nicmp = \"10.7.0.2\"\nfrom = \"victim\"\n", path);
  }
  /// So many connections from the other side, with a byte each way.
  void ask(std::uint16_t port, int times) const {
    for (int i = 0; i < times; i++) {
      const Fd client = bound_socket(net.there, SOCK_STREAM, address("10.7.0.2", 0));
      const Address to = address("10.7.0.1", port);
      check("connect", ::connect(client.get(), to.get(), to.size));
      char byte = 'x';
      check("ask", ::send(client.get(), &byte, 1, 0));
      check("hear", ::recv(client.get(), &byte, 1, 0));
    }
  }
  /// Programs of ours that a run holds, by name.
  static std::set<std::string> programs_of(const Belongings& has) {
    std::set<std::string> names;
    for (const auto id : has.programs) {
      const Fd program(bpf_prog_get_fd_by_id(id));
      bpf_prog_info info{};
      __u32 size = sizeof info;
      if (program && bpf_obj_get_info_by_fd(program.get(), &info, &size) == 0) names.insert(info.name);
    }
    return names;
  }
  static bool counts(const Belongings& has) {
    for (const auto& name : programs_of(has))
      if (name.starts_with("telemetry_")) return true;
    return false;
  }

  TwoNamespaces net;
  TemporaryFolder folder;
  std::filesystem::path out = folder.path() / "run";
};

}  // namespace faultline::test
