// A plan put together from a few answers, and written down as the TOML that a person would have written. Commands that
// make plans (inject, new) make text and give it to the parser: so there is one definition of what a plan may say,
// mistakes are the plan's own, with its lines, and what was run can be kept and edited.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace faultline::sketch {

/// One line of a table: `key = value    # comment`.
struct Line {
  std::string key, value;  ///< the value as TOML, see toml_value() and toml_text(); without a key: only the comment
  std::string comment = {};
  bool off = false;  ///< commented out: a key that could be there
};

struct Table {
  std::string header;   ///< "[targets.shop]", "[[faults]]"; empty: the top of the plan
  std::string comment;  ///< in front of it; may have several lines
  std::vector<Line> lines;
};

struct Sketch {
  std::vector<Table> tables;
  std::string write() const;
};

/// A TOML string.
std::string toml_text(std::string_view text);

/// What a user typed for a key, as TOML. Arrays, inline tables and quoted strings are left as they are. Else `example`,
/// the key's own, tells whether the value is a string there.
std::string toml_value(std::string_view text, std::string_view example);

/// The same of a key that takes one text or several: "a,b" is an array of two.
std::string toml_texts(std::string_view text);

/// "unit=payment.service", "address=10.0.0.0/8,fd00::/8,port=443": the lines of a target. A bare word is a lab host's,
/// room's or link's name, or another target's: it has no lines. Throws Failure(invalid) naming `option` for an empty
/// one.
std::vector<Line> target_lines(std::string_view option, std::string_view spec);

/// "http://web/", "tcp=10.0.0.1:80", "10.0.0.1:80", "icmp=10.0.0.1", "dns=shop.example@10.0.0.53", "exec=curl -s web":
/// the lines of a probe that say what it asks, and whom. `exec` is run by a shell.
std::vector<Line> probe_lines(std::string_view spec);

}  // namespace faultline::sketch
