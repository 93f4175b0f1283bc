// What is done where descriptors are short: some are spared for the end, and nobody asks again and again for one.
#include "injector/base/descriptors.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <vector>

#include "injector/base/clock.h"
#include "injector/base/netns.h"
#include "injector/base/newcomers.h"
#include "tests/harness/few_descriptors.h"

namespace faultline {
namespace {

TEST(SpareDescriptors, AreThereWhenAllOthersAreTaken) {
  SpareDescriptors spare;
  const test::FewDescriptors none;
  EXPECT_THROW(NetNs::current(), std::system_error);
  spare.give_up();
  EXPECT_NO_THROW(NetNs::current());
  std::vector<Fd> had;
  while (Fd one = test::FewDescriptors::another()) had.push_back(std::move(one));
  EXPECT_EQ(had.size(), SpareDescriptors::kCount);
}

TEST(Newcomers, AreNotAskedForWhereNobodyCanBeTaken) {
  const Fd listening(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof at;
  ASSERT_EQ(bind(listening.get(), reinterpret_cast<sockaddr*>(&at), sizeof at), 0);
  ASSERT_EQ(listen(listening.get(), 8), 0);
  ASSERT_EQ(getsockname(listening.get(), reinterpret_cast<sockaddr*>(&at), &length), 0);
  const Fd caller(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));

  Newcomers newcomers;
  EXPECT_FALSE(newcomers.take(listening.get(), kSecond));
  EXPECT_FALSE(newcomers.is_deaf(kSecond)) << "nobody came: that is no want of descriptors";
  ASSERT_EQ(connect(caller.get(), reinterpret_cast<sockaddr*>(&at), sizeof at), 0);
  {
    const test::FewDescriptors none;
    EXPECT_FALSE(newcomers.take(listening.get(), kSecond));
    EXPECT_TRUE(newcomers.is_deaf(kSecond));
    EXPECT_TRUE(newcomers.were_refused());
    EXPECT_EQ(newcomers.deaf_until(), kSecond + Newcomers::kDeaf);
  }
  EXPECT_FALSE(newcomers.is_deaf(newcomers.deaf_until()));
  EXPECT_TRUE(newcomers.take(listening.get(), 2 * kSecond)) << "it waited";
}

}  // namespace
}  // namespace faultline
