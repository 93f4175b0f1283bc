// status --edge URL --witness URL [--design careful|naive] [--port 8080]
//
// The operator's word: "all is well", "network fault", "recovered". Judged by what homes get done: more than 1 % of
// them that have not lately done a command which went all the way, for 3 s, are a fault, and it is over when there were
// no more for 5 s. (The naive one looks at its own cloud: if that answers, and anything comes from homes at all, all is
// well again.)
//
// GET / has the word: 200, or 503 while there is a fault.
#include "parts.h"

namespace demo::home {
namespace {

class Operator {
 public:
  explicit Operator(const Options& options)
      : naive_(options.naive()), edge_(options.url("edge"), milliseconds(500)), teller_(options.url("witness")) {
    in_background([this] { look(); });
  }
  std::string word() const {
    const std::lock_guard lock(mutex_);
    return word_;
  }

  void routes(httplib::Server& server) {
    on_get(server, "/", [this](const auto&, const Json&) -> Json {
      const std::string word = this->word();
      if (word == "network fault") throw Status{503, {{"word", word}}};
      return {{"word", word}};
    });
  }

 private:
  /// For ever.
  void look() {
    for (int bad = 0, good = 0;; std::this_thread::sleep_for(milliseconds(1000))) {
      const bool is_well = well(edge_.get("/homes", milliseconds(1000)));
      bad = is_well ? 0 : bad + 1;
      good = is_well ? good + 1 : 0;
      const bool fault = word() == "network fault";
      if (!fault && bad >= (naive_ ? 1 : 3)) says("network fault");
      if (fault && good >= (naive_ ? 1 : 5)) says("recovered");
    }
  }

  bool well(const Reply& reply) const {
    if (!reply.ok()) return false;
    if (naive_) return reply.body.at("silent_s") < 3.0;
    const double known = reply.body.at("known"), well = reply.body.at("well");
    return (known - well) / known <= 0.01;
  }

  void says(const std::string& word) {
    {
      const std::lock_guard lock(mutex_);
      word_ = word;
    }
    say("the operator says: " + word);
    teller_.tell({{"kind", "word"}, {"word", word}});
  }

  const bool naive_;
  Peer edge_;
  Teller teller_;
  mutable std::mutex mutex_;
  std::string word_ = "all is well";
};

}  // namespace
}  // namespace demo::home

int main(int argc, char** argv) {
  return demo::serve_as<demo::home::Operator>(argc, argv, {.options = {"edge", "witness", "design"}});
}
