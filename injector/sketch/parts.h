// A plan put together of parts of others. Each part keeps where it comes from; the whole is written as text, read back
// by the parser, and the places that the parser then speaks of are led back to where the parts came from.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "injector/plan/document.h"

namespace faultline::sketch {

/// Where a part comes from: a file ("" for the plan's own), or an option of the command line.
struct From {
  std::string file = {};
  std::string option = {};  ///< "--bind payment=unit=pay.service"; empty: it is from the file
};

struct Part {
  std::string top;        ///< the key at the top of the plan: "title", "faults", "targets"
  std::string name;       ///< of an entry of a table of names: "payment"; empty: the value itself, or one of an array
  bool of_array = false;  ///< it is one of [[top]]
  plan::Node value;       ///< with its places in where it comes from
  plan::SourcePlace at;   ///< of the key
  From from;
  std::string comment = {};  ///< in front of it
};

class Parts {
 public:
  void add(Part part) { parts_.push_back(std::move(part)); }
  const std::vector<Part>& all() const { return parts_; }

  /// The plan's text; `comment` stands on top. Parts of one key must follow each other, those that are no tables first.
  std::string write(const std::string& comment) const;

  /// Leads the places of a plan that was read from write()'s text back to where they come from.
  class Origins {
   public:
    Origins(const Parts& parts, const std::string& text);
    void lead_back(plan::SourcePlace& at, From& from) const;
    void lead_back(plan::Diagnostic& diagnostic) const;

   private:
    struct Origin {
      plan::SourcePlace at;
      const From* from;
    };
    using Position = std::pair<std::uint32_t, std::uint32_t>;
    void note(plan::SourcePlace made, plan::SourcePlace at, const From& from);
    void note(const plan::Node& made, const plan::Node& part, const From& from);
    std::map<Position, Origin> origins_;
  };

 private:
  std::vector<Part> parts_;
};

}  // namespace faultline::sketch
