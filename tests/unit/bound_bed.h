// An outage with its lab, and targets of somebody's own that its faults are put on.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "injector/sketch/bound.h"
#include "tests/harness/command.h"
#include "tests/unit/plan_support.h"

namespace faultline::sketch {

// A till in the town talks with two channels; the links of one room fail, one channel loses its answers.
inline const std::string kOutage = R"(title = "The till"
seed = 7
duration = "60s"
[vars]
loss = "12%"
dir = "${plan_dir}/services"
[lab.rooms.town]
[lab.rooms.a]
[lab.rooms.b]
[lab.links.town-a]
between = ["town", "a"]
[lab.links.town-b]
between = ["town", "b"]
[lab.links.a-b]
between = ["a", "b"]
[lab.hosts.till]
room = "town"
command = ["cat", "${dir}/x"]
[lab.hosts.pay-a]
room = "a"
[lab.hosts.store-a]
room = "a"
[lab.hosts.pay-b]
room = "b"
[probes.pay]
icmp = "pay-a"
from = "till"
)";

inline const std::string kAnswers = R"([[faults]]
kind = "sever"
on = "till"
peer = "pay-a"
direction = "ingress"
source = "fact: the post-mortem"
start = "10s"
for = "5s"
)";

inline const std::string kLinks =
    "[[faults]]\nkind = \"sever\"\non = [\"town-a\", \"a-b\"]\nstart = \"1s\"\nfor = \"1s\"\n";

class Bound : public testing::Test {
 protected:
  plan::Parsed bind(const std::string& faults, std::vector<std::string> given, const std::string& own = "",
                    const plan::ParseOptions& options = {}) {
    outage_ = folder_.write("till.toml", kOutage + faults);
    Bindings bindings{std::move(given), "", bound_only_};
    if (!own.empty()) bindings.with = own_ = folder_.write("mine.toml", own);
    return parse_bound(outage_, options, bindings);
  }
  plan::Plan bound(const std::string& faults, std::vector<std::string> given, const std::string& own = "",
                   const plan::ParseOptions& options = {}) {
    auto parsed = bind(faults, std::move(given), own, options);
    EXPECT_TRUE(parsed.ok()) << render(parsed);
    return std::move(parsed.plan);
  }
  /// The line of the outage's file, from 1, on which `text` stands first.
  std::uint32_t line_of(const std::string& text, const std::string& in) const {
    const auto at = in.find(text);
    EXPECT_NE(at, std::string::npos) << text;
    return static_cast<std::uint32_t>(1 + std::count(in.begin(), in.begin() + static_cast<std::ptrdiff_t>(at), '\n'));
  }

  test::TemporaryFolder folder_;
  std::string outage_, own_;
  bool bound_only_ = false;
};

inline const std::string kMine = R"([vars]
url = "http://10.0.0.9/pay"
[targets.client]
netns = "client"
[probes.mine]
http = "${url}"
from = "client"
[probes.script]
exec = ["sh", "${plan_dir}/look.sh", "$${HOME}"]
from = "here"
[[hypotheses]]
probe = "mine"
during = "sever"
success = ">= 99%"
[[guards]]
probe = "mine"
success = "< 20%"
for = "5s"
[[events]]
name = "down"
file = "/var/log/x"
match = "down"
)";
inline const std::vector<std::string> kBoth{"till=netns=shop", "pay-a=address=10.0.3.1"};

}  // namespace faultline::sketch
