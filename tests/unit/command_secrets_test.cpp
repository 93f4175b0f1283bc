// A text may hold a shell's script, or a list of words: what a client takes as a password by its place is masked in it,
// and nothing else is touched.
#include "injector/base/command_secrets.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "injector/base/secrets.h"

namespace faultline {
namespace {

TEST(CommandSecrets, OfAScript) {
  for (const auto& [text, shown] : std::initializer_list<std::pair<const char*, const char*>>{
           {"ran curl -u bob:hunter2 b, and AUTH failed", "ran curl -u bob:*** b, and AUTH failed"},
           {"curl -s \\\n  -u bob:hunter2 http://b/", "curl -s \\\n  -u bob:*** http://b/"},
           {"curl 'http://b/?a=1&b=2' -u bob:hunter2", "curl 'http://b/?a=1&b=2' -u bob:***"},
           {"curl -A \"Mozilla/5.0 (X11; Linux)\" -u bob:hunter2", "curl -A \"Mozilla/5.0 (X11; Linux)\" -u bob:***"},
           {"curl -u 'bob:a b;c' d", "curl -u 'bob:***' d"},
           {"curl http://registry/v2/mysql -u bob:hunter2", "curl http://registry/v2/mysql -u bob:***"},
           {"curl -u bob b; ssh -u c:d", "curl -u bob b; ssh -u c:d"},
           {"don't run curl -u bob:hunter2 b", "don't run curl -u bob:*** b"},
           {"redis-cli -a 'hun&ter2' PING", "redis-cli -a '***' PING"},
           {"redis-cli --pass='x y' PING", "redis-cli --pass='***' PING"},
           {"redis-cli -a -odd PING", "redis-cli -a *** PING"},
           {"redis-cli auth default hunter2", "redis-cli auth default ***"},
           {"auth failed for bob", "auth failed for bob"},
           {"sshpass -ptop ssh -p 22 h", "sshpass -p*** ssh -p 22 h"},
           {"sshpass -e ssh -p 2222 h", "sshpass -e ssh -p 2222 h"},
           {"sshpass -p hunter2 mysql -phunter2 shop", "sshpass -p *** mysql -p*** shop"},
           {"http --auth=bob:hunter2 b", "http --auth=bob:*** b"},
           {"ldapsearch -whunter2 -x", "ldapsearch -w*** -x"},
           {"mosquitto_pub --pw hunter2 -t a", "mosquitto_pub --pw *** -t a"},
           {"(curl -u bob:hunter2 b)|true", "(curl -u bob:*** b)|true"},
           {"-u a:b", "-u a:b"},
           {"", ""}})
    EXPECT_EQ(without_secrets_in(text), shown);
}

TEST(CommandSecrets, OfAListThatIsJson) {
  EXPECT_EQ(without_secrets_in(R"({"argv":["redis-cli","-a","hunter2"],"on":["-a","b"]})"),
            R"({"argv":["redis-cli","-a","***"],"on":["-a","b"]})");
  EXPECT_EQ(without_secrets_in(R"(["mysql", "--password", "hunter2"])"), R"(["mysql", "--password", "***"])");
}

TEST(CommandSecrets, OfATextThatIsWrittenAsAString) {
  const auto seen = [](const std::string& text) {
    std::string out;
    for (const Part& one : secrets_of_script(text, Escapes::strings))
      out += text.substr(one.begin, one.end - one.begin) + "|";
    return out;
  };
  EXPECT_EQ(seen(R"(set -e\ncurl -u a:b c)"), "b|");
  EXPECT_EQ(seen(R"(curl \\\n -u a:b c)"), "b|");
  EXPECT_EQ(seen(R"(curl -u \"a:b c\" d)"), "b c|");
  EXPECT_EQ(seen(R"(curl c\ntrue -u a:b)"), "") << "another command";
  EXPECT_EQ(seen("curl \\"), "");
}

}  // namespace
}  // namespace faultline
