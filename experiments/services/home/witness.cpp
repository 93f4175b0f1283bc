// witness --ledger FILE [--port 8080]
//
// Has seen everything: devices, phones, homes and the operator tell it what happened (POST /tell, an array), over ways
// that no plan faults, so that `ledger audit` can compare. What that finds it writes to its log, each finding once
// (POST /findings).
#include "witness.h"

#include "base/audit.h"
#include "parts.h"

namespace demo::home {
namespace {

class Witness {
 public:
  explicit Witness(const Options& options) : store_(options.get("ledger"), kWitnessSchema) {}

  Json hear(const Json& all) {
    store_.atomically([&] {
      for (const auto& each : all) write_down(each);
    });
    return {{"state", "heard"}};
  }

  void routes(httplib::Server& server) {
    on_post(server, "/tell", [this](const auto&, const Json& all) { return hear(all); });
    on_post(server, "/findings", [this](const auto&, const Json& findings) { return findings_.note(findings); });
  }

 private:
  void write_down(const Json& each) {
    const std::string kind = each.at("kind");
    const auto text = [&](const char* key) -> std::string { return each.at(key); };
    const auto number = [&](const char* key) -> std::int64_t { return each.at(key); };
    if (kind == "applied")
      store_.run("INSERT INTO applied(device, command, way, issued, at) VALUES(?, ?, ?, ?, ?)",
                 {text("device"), text("command"), text("way"), number("issued"), number("at")});
    else if (kind == "discarded")
      store_.run("INSERT INTO discarded(device, command, at) VALUES(?, ?, ?)",
                 {text("device"), text("command"), number("at")});
    else if (kind == "taken")
      store_.run("INSERT OR IGNORE INTO taken VALUES(?, ?, ?, ?)",
                 {text("device"), number("seq"), number("value"), number("taken")});
    else if (kind == "shown")
      store_.run("INSERT INTO shown(device, command, what, ms, at) VALUES(?, ?, ?, ?, ?)",
                 {text("device"), text("command"), text("what"), number("ms"), number("at")});
    else if (kind == "switched")
      store_.run("INSERT INTO switched(who, towards, at) VALUES(?, ?, ?)",
                 {text("who"), text("towards"), number("at")});
    else if (kind == "word")
      store_.run("INSERT INTO words(word, at) VALUES(?, ?)", {text("word"), number("at")});
    else if (kind == "homes")
      store_.run("INSERT INTO homes(known, failing, at) VALUES(?, ?, ?)",
                 {number("known"), number("failing"), number("at")});
    else
      throw Status{400, {{"error", "no such kind: " + kind}}};
  }

  Store store_;
  FindingsLog findings_;
};

}  // namespace
}  // namespace demo::home

int main(int argc, char** argv) { return demo::serve_as<demo::home::Witness>(argc, argv, {.options = {"ledger"}}); }
