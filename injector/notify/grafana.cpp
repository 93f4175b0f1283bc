// Annotations by Grafana's HTTP API (https://grafana.com/docs/grafana/latest/developers/http_api/annotations/): one
// for the run and one for each fault, which are open until they end; a point for each guard.
#include <fmt/format.h>

#include <map>

#include "injector/notify/sinks.h"
#include "injector/probe/http_asker.h"

namespace faultline::notify {
namespace {

using nlohmann::json;

class ToGrafana : public Sink {
 public:
  ToGrafana(const plan::Plan& plan, Grafana grafana) : plan_(plan), grafana_(std::move(grafana)) {
    grafana_.url = probe::without_slashes_behind(grafana_.url);
  }

  void tell(const Happening& what, Carrier& carrier) override {
    if (what.event == "begin")
      begin("", what, carrier);
    else if (what.event == "fault_begin")
      begin(what.fault, what, carrier);
    else if (what.event == "fault_end")
      end(what.fault, what, "", carrier);
    else if (what.event == "healed")
      end_faults(what, carrier);  // a run that is stopped has no end of each
    else if (what.event == "end")
      end_all(what, carrier);
    else if (what.moment == Moment::guard)
      post(annotation(what, {"guard"}), carrier);
  }

 private:
  /// A region that is open: Grafana's number of it, 0 where that is not known, and what it said.
  struct Region {
    std::int64_t id = 0;
    json said;
  };

  static std::int64_t milliseconds(Ns wall) { return wall / kMillisecond; }

  json annotation(const Happening& what, const std::vector<std::string>& more) const {
    std::vector<std::string> tags{"faultline", plan_.name};
    if (!plan_.arm.empty()) tags.push_back(plan_.arm);
    for (const auto& list : {more, grafana_.tags}) tags.insert(tags.end(), list.begin(), list.end());
    json body{{"time", milliseconds(what.wall)}, {"tags", std::move(tags)}, {"text", what.text}};
    if (!grafana_.dashboard.empty()) body["dashboardUID"] = grafana_.dashboard;
    return body;
  }

  std::optional<std::string> ask(const char* method, const std::string& path, const json& body, Carrier& carrier) {
    return carrier.send({method,
                         grafana_.url + path,
                         body.dump(-1, ' ', false, json::error_handler_t::replace),
                         {{"Authorization", "Bearer " + grafana_.token}}});
  }

  std::int64_t post(const json& body, Carrier& carrier) {
    const auto answer = ask("POST", "/api/annotations", body, carrier);
    if (!answer) return 0;
    const auto said = json::parse(*answer, nullptr, false);
    return said.is_object() && said.contains("id") && said["id"].is_number_integer() ? said["id"].get<std::int64_t>()
                                                                                     : 0;
  }

  void begin(const std::string& fault, const Happening& what, Carrier& carrier) {
    Region& region = open_[fault];
    region.said =
        annotation(what, fault.empty() ? std::vector<std::string>{"run"} : std::vector<std::string>{"fault", fault});
    region.id = post(region.said, carrier);
  }

  /// `text`: in place of what was said at its begin, if anything.
  void end(const std::string& fault, const Happening& what, const std::string& text, Carrier& carrier) {
    const auto it = open_.find(fault);
    if (it == open_.end()) return;
    Region region = std::move(it->second);
    open_.erase(it);
    json change{{"timeEnd", milliseconds(what.wall)}};
    if (!text.empty()) change["text"] = text;
    if (region.id != 0) {
      ask("PATCH", fmt::format("/api/annotations/{}", region.id), change, carrier);
    } else {  // its begin was not taken: the whole region now
      region.said.update(change);
      post(region.said, carrier);
    }
  }

  void end_all(const Happening& what, Carrier& carrier) {
    if (!open_.contains("")) {  // it never began
      post(annotation(what, {"run"}), carrier);
      return;
    }
    end_faults(what, carrier);
    end("", what, what.text, carrier);
  }

  void end_faults(const Happening& what, Carrier& carrier) {
    while (!open_.empty() && !open_.rbegin()->first.empty()) end(std::string(open_.rbegin()->first), what, "", carrier);
  }

  const plan::Plan& plan_;
  Grafana grafana_;
  std::map<std::string, Region> open_;  // by fault; "" is the run
};

}  // namespace

std::unique_ptr<Sink> make_grafana(const plan::Plan& plan, Grafana grafana) {
  return std::make_unique<ToGrafana>(plan, std::move(grafana));
}

}  // namespace faultline::notify
