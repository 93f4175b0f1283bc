// Every device here lives in anonymous namespaces, so nothing is left behind even when a test is killed.
#include "injector/base/rtnetlink.h"

#include <gtest/gtest.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <iterator>
#include <sstream>
#include <system_error>
#include <thread>

#include "tests/harness/command.h"

namespace faultline {
namespace {

std::optional<Device> find_device(const std::string& name) {
  for (const Device& device : list_devices()) {
    if (device.name == name) return device;
  }
  return std::nullopt;
}

Device device(const std::string& name) {
  const auto found = find_device(name);
  if (!found) throw std::runtime_error("no device " + name);
  return *found;
}

bool has_address(const Device& device, const std::string& prefix) {
  return std::count(device.addresses.begin(), device.addresses.end(), *IpPrefix::parse(prefix)) == 1;
}

/// A file below /proc as the calling thread sees it (/proc/net would be the process's first thread's).
std::string read_thread_file(const std::string& name) {
  std::ifstream file("/proc/thread-self/net/" + name);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// The lines of a routing table that end in this device's name.
std::vector<std::string> route_lines(const std::string& table, const std::string& device) {
  std::istringstream lines(read_thread_file(table));
  std::vector<std::string> found;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    const std::vector<std::string> all{std::istream_iterator<std::string>(words), {}};
    if (std::count(all.begin(), all.end(), device) > 0) found.push_back(line);
  }
  return found;
}

std::string read_sysctl(const std::string& key) {
  std::ifstream file("/proc/sys/" + key);
  std::string value;
  file >> value;
  return value;
}

template <class Action>
std::system_error failure_of(Action action) {
  try {
    action();
  } catch (const std::system_error& error) {
    return error;
  }
  ADD_FAILURE() << "no error";
  return {std::error_code(), ""};
}

bool mentions(const std::exception& error, const std::string& text) {
  return std::string(error.what()).find(text) != std::string::npos;
}

class Rtnetlink : public testing::Test {
 protected:
  NetNs home_ = NetNs::create();
  NetNs away_ = NetNs::create();
};

TEST_F(Rtnetlink, ANewNamespaceHasLoAlone) {
  Inside inside(home_);
  const auto devices = list_devices();
  const auto lo = device("lo");
  EXPECT_EQ(lo.type, ARPHRD_LOOPBACK);
  EXPECT_EQ(lo.kind, "");
  EXPECT_EQ(lo.flags & IFF_UP, 0u);
  EXPECT_TRUE(lo.addresses.empty());
  set_up("lo");
  EXPECT_NE(device("lo").flags & IFF_UP, 0u);
  EXPECT_TRUE(has_address(device("lo"), "127.0.0.1/8"));
  EXPECT_TRUE(has_address(device("lo"), "::1/128"));
}

TEST_F(Rtnetlink, VethAcrossTwoNamespaces) {
  add_veth({"left", &home_, 9000, 77, false}, {"right", &away_, 1400, 88, false});
  EXPECT_FALSE(find_device("left"));
  EXPECT_FALSE(find_device("right"));
  int right_index = 0;
  {
    Inside inside(away_);
    const Device right = device("right");
    EXPECT_EQ(right.kind, "veth");
    EXPECT_EQ(right.mtu, 1400u);
    EXPECT_EQ(read_sysctl("net/ipv6/conf/right/mtu"), "1400");
    EXPECT_FALSE(find_device("left"));
    right_index = right.index;
  }
  Inside inside(home_);
  const Device left = device("left");
  EXPECT_EQ(left.kind, "veth");
  EXPECT_EQ(left.mtu, 9000u);
  EXPECT_EQ(left.type, ARPHRD_ETHER);
  EXPECT_EQ(left.link, right_index);
  EXPECT_EQ(left.flags & (IFF_UP | IFF_NOARP), 0u);
  EXPECT_FALSE(find_device("right"));
}

TEST_F(Rtnetlink, AVethEndWithoutNamespaceIsInTheCallers) {
  Inside inside(home_);
  add_veth({"left", nullptr}, {"right", nullptr});
  EXPECT_EQ(device("left").link, device("right").index);
  add_veth({"far", &away_}, {"near", nullptr});
  EXPECT_TRUE(find_device("near"));
  EXPECT_FALSE(find_device("far"));
}

TEST_F(Rtnetlink, ANameTakenInTheCallersNamespaceDoesNotMatter) {
  Inside inside(home_);
  add_bridge("left");
  add_veth({"left", &away_}, {"right", nullptr});
  EXPECT_EQ(device("left").kind, "bridge");
  EXPECT_TRUE(find_device("right"));
}

TEST_F(Rtnetlink, ANoisyVethGetsALinkLocalAddress) {
  // The counterpart of the quiet test: without it that one would pass on a machine that has no IPv6.
  add_veth({"left", &home_}, {"right", &away_});
  {
    Inside inside(away_);
    set_up("right");
  }
  Inside inside(home_);
  set_up("left");
  for (int i = 0; i < 500 && device("left").addresses.empty(); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_FALSE(device("left").addresses.empty());
  EXPECT_FALSE(route_lines("ipv6_route", "left").empty());
}

/// How a device came by its link-layer address: addr_assign_type of sysfs, which shows the namespace it was mounted in.
std::string link_address_origin(const std::string& device) {
  return test::say_all({"unshare", "-m", "sh", "-c",
                        "mount -t sysfs none /sys && cat /sys/class/net/" + device + "/addr_assign_type"})
      .out;
}

TEST_F(Rtnetlink, AQuietDevicesLinkAddressIsNotForUdevToChoose) {
  Inside inside(home_);
  add_veth({"left", nullptr, 1500, 1000, true}, {"right", nullptr, 1500, 1000, true});
  add_veth({"noisy", nullptr}, {"other", nullptr});
  const std::string set = "3\n", random = "1\n";  // include/uapi/linux/netdevice.h
  EXPECT_EQ(link_address_origin("left"), set);
  EXPECT_EQ(link_address_origin("right"), set);
  EXPECT_EQ(link_address_origin("noisy"), random);
}

TEST_F(Rtnetlink, QuietDevicesHaveNoAddressNoRouteAndSendNothing) {
  add_veth({"left", &home_, 1500, 1000, true}, {"right", &away_, 1500, 1000, true});
  for (const auto& [ns, name] : {std::pair{&home_, "left"}, std::pair{&away_, "right"}}) {
    Inside inside(*ns);
    EXPECT_NE(device(name).flags & IFF_NOARP, 0u) << name;
    EXPECT_EQ(device(name).flags & IFF_UP, 0u) << name;
    EXPECT_EQ(read_sysctl(std::string("net/ipv6/conf/") + name + "/disable_ipv6"), "1");
    EXPECT_EQ(read_sysctl(std::string("net/ipv6/conf/") + name + "/addr_gen_mode"), "1");
    set_up(name);
  }
  std::this_thread::sleep_for(std::chrono::seconds(2));
  for (const auto& [ns, name] : {std::pair{&home_, "left"}, std::pair{&away_, "right"}}) {
    Inside inside(*ns);
    EXPECT_NE(device(name).flags & IFF_RUNNING, 0u) << name;
    EXPECT_TRUE(device(name).addresses.empty()) << name;
    EXPECT_TRUE(route_lines("ipv6_route", name).empty()) << name;
    EXPECT_TRUE(route_lines("route", name).empty()) << name;
    const auto line = route_lines("dev", std::string(name) + ":");
    ASSERT_EQ(line.size(), 1u);
    std::istringstream words(line[0]);
    const std::vector<std::string> all{std::istream_iterator<std::string>(words), {}};
    EXPECT_EQ(all.at(2), "0") << "packets received by " << name;
    EXPECT_EQ(all.at(10), "0") << "packets sent by " << name;
  }
}

TEST_F(Rtnetlink, BridgeAndItsPort) {
  Inside inside(home_);
  add_bridge("room");
  add_veth({"port", nullptr}, {"host", &away_});
  set_master("port", "room");
  EXPECT_EQ(device("room").kind, "bridge");
  EXPECT_EQ(device("port").master, device("room").index);
  EXPECT_EQ(device("room").master, 0);
}

TEST_F(Rtnetlink, AddressesAreListedBack) {
  Inside inside(home_);
  add_bridge("room");
  set_up("room");
  for (const char* text : {"10.7.0.1/24", "10.8.0.1/32", "fd07::1/64"}) add_address("room", *IpPrefix::parse(text));
  for (const char* text : {"10.7.0.1/24", "10.8.0.1/32", "fd07::1/64"})
    EXPECT_TRUE(has_address(device("room"), text)) << text;
  EXPECT_TRUE(device("lo").addresses.empty());
}

TEST_F(Rtnetlink, RoutesAreInTheTables) {
  Inside inside(home_);
  add_veth({"up", nullptr}, {"other", &away_});
  set_up("up");
  add_address("up", *IpPrefix::parse("10.7.0.1/24"));
  add_address("up", *IpPrefix::parse("fd07::1/64"));
  add_route(*IpPrefix::parse("0.0.0.0/0"), IpPrefix::parse("10.7.0.254"), "up");
  add_route(*IpPrefix::parse("10.9.0.5/16"), std::nullopt, "up");  // host bits are dropped
  add_route(*IpPrefix::parse("::/0"), IpPrefix::parse("fd07::fe"), "up");
  add_route(*IpPrefix::parse("fd09::5/32"), std::nullopt, "up");

  const auto v4 = route_lines("route", "up");
  const auto holds = [](const std::vector<std::string>& lines, const std::string& text) {
    return std::any_of(lines.begin(), lines.end(), [&](const std::string& l) { return l.find(text) == 0; });
  };
  EXPECT_EQ(v4.size(), 3u);
  EXPECT_TRUE(holds(v4, "up\t00000000\tFE00070A\t"));
  EXPECT_TRUE(holds(v4, "up\t0000090A\t00000000\t"));
  const auto v6 = route_lines("ipv6_route", "up");
  const std::string none(32, '0');
  EXPECT_TRUE(holds(v6, none + " 00 " + none + " 00 fd0700000000000000000000000000fe "));
  EXPECT_TRUE(holds(v6, "fd090000000000000000000000000000 20 " + none + " 00 " + none + " "));
}

TEST_F(Rtnetlink, AliasQueueAndMtu) {
  Inside inside(home_);
  add_bridge("room");
  set_alias("room", "faultline run 7");
  set_txqueuelen("room", 512);
  set_mtu("room", 1300);
  EXPECT_EQ(device("room").mtu, 1300u);
  // sysfs shows the namespace it was mounted in, so ask the kernel by ioctl.
  Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  std::string("room").copy(request.ifr_name, IFNAMSIZ - 1);
  ASSERT_EQ(ioctl(socket.get(), SIOCGIFTXQLEN, &request), 0);
  EXPECT_EQ(request.ifr_qlen, 512);
}

TEST_F(Rtnetlink, DeleteTakesBothEndsAndIsSilentWhenGone) {
  add_veth({"left", &home_}, {"right", &away_});
  {
    Inside inside(home_);
    const int index = device("left").index;
    delete_device(index);
    EXPECT_FALSE(find_device("left"));
    EXPECT_NO_THROW(delete_device(index));
  }
  Inside inside(away_);
  EXPECT_FALSE(find_device("right"));
}

TEST_F(Rtnetlink, ErrorsNameTheDevice) {
  Inside inside(home_);
  auto error = failure_of([] { set_up("nowhere"); });
  EXPECT_EQ(error.code().value(), ENODEV);
  EXPECT_TRUE(mentions(error, "set nowhere up")) << error.what();

  add_bridge("room");
  error = failure_of([] { add_bridge("room"); });
  EXPECT_EQ(error.code().value(), EEXIST);
  EXPECT_TRUE(mentions(error, "room")) << error.what();

  error = failure_of([&] { add_veth({"new", nullptr}, {"room", nullptr}); });
  EXPECT_EQ(error.code().value(), EEXIST);
  EXPECT_TRUE(mentions(error, "new") && mentions(error, "room")) << error.what();
  EXPECT_FALSE(find_device("new"));

  error = failure_of([] { set_master("room", "room"); });
  EXPECT_TRUE(mentions(error, "room")) << error.what();
  error = failure_of([] {
    add_address("room", *IpPrefix::parse("10.0.0.1/8"));
    add_address("room", *IpPrefix::parse("10.0.0.1/8"));
  });
  EXPECT_EQ(error.code().value(), EEXIST);
  EXPECT_TRUE(mentions(error, "10.0.0.1/8 to room")) << error.what();
  EXPECT_THROW(add_bridge("a-name-beyond-fifteen"), std::system_error);
  EXPECT_THROW(add_bridge(std::string(5000, 'x')), std::system_error);
  EXPECT_THROW(set_alias("room", std::string(300, 'x')), std::system_error);
}

TEST_F(Rtnetlink, ErrorsCarryTheKernelsExplanation) {
  Inside inside(home_);
  add_bridge("room");
  auto error = failure_of([] { set_mtu("room", 1); });
  EXPECT_TRUE(mentions(error, "(kernel: ")) << error.what();
  error = failure_of([] { add_route(*IpPrefix::parse("10.0.0.0/8"), IpPrefix::parse("10.9.9.9"), "room"); });
  EXPECT_TRUE(mentions(error, "add route to 10.0.0.0/8 via 10.9.9.9 on room (kernel: ")) << error.what();
  error = failure_of([] { add_route(*IpPrefix::parse("10.0.0.0/8"), IpPrefix::parse("fd00::1"), "room"); });
  EXPECT_EQ(error.code().value(), EINVAL);
}

TEST_F(Rtnetlink, AFailedPairLeavesNothing) {
  {
    Inside inside(away_);
    add_bridge("right");
  }
  EXPECT_THROW(add_veth({"left", &home_, 1500, 1000, true}, {"right", &away_, 1500, 1000, true}), std::system_error);
  Inside inside(home_);
  EXPECT_FALSE(find_device("left"));
}

TEST_F(Rtnetlink, SysctlsFollowTheThread) {
  const std::string key = "net/ipv4/ip_forward";
  const std::string before = read_sysctl(key);
  // Not the process's first thread: there /proc/self and /proc/thread-self would agree.
  std::string at_home, at_away;
  std::thread([&] {
    {
      Inside inside(home_);
      EXPECT_TRUE(write_sysctl(key, "1"));
      at_home = read_sysctl(key);
    }
    Inside inside(away_);
    EXPECT_TRUE(write_sysctl(key, "0"));
    at_away = read_sysctl(key);
  }).join();
  EXPECT_EQ(at_home, "1");
  EXPECT_EQ(at_away, "0");
  EXPECT_EQ(read_sysctl(key), before);
  Inside inside(home_);
  EXPECT_EQ(read_sysctl(key), "1");
  EXPECT_FALSE(write_sysctl("net/ipv6/conf/nowhere/disable_ipv6", "1"));
  const auto error = failure_of([&] { write_sysctl(key, "maybe"); });
  EXPECT_TRUE(mentions(error, key)) << error.what();
}

TEST_F(Rtnetlink, ListsManyDevices) {
  // More than one message buffer full, and every address at its device.
  Inside inside(home_);
  constexpr int kPairs = 60;
  for (int i = 0; i < kPairs; ++i) {
    const std::string name = "a" + std::to_string(i);
    add_veth({name, nullptr}, {"b" + std::to_string(i), nullptr});
    add_address(name, *IpPrefix::parse("10.0." + std::to_string(i) + ".1/24"));
  }
  const auto devices = list_devices();
  EXPECT_EQ(std::count_if(devices.begin(), devices.end(), [](const Device& d) { return d.kind == "veth"; }),
            2 * kPairs);
  for (int i = 0; i < kPairs; ++i) {
    const auto found = std::find_if(devices.begin(), devices.end(),
                                    [&](const Device& d) { return d.name == "a" + std::to_string(i); });
    ASSERT_NE(found, devices.end());
    EXPECT_TRUE(has_address(*found, "10.0." + std::to_string(i) + ".1/24")) << found->name;
    EXPECT_EQ(found->addresses.size(), 1u);
  }
}

}  // namespace
}  // namespace faultline
