// The line's statistics at its end, as the journal and the summary have them: what it carried, and whether it got the
// processor when it needed it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "injector/record/fields.h"

namespace faultline::record {

/// The figures of line::Stats, line::Losses and realtime::Tally.
struct LineStats {
  struct Lost {
    std::uint64_t full = 0, overdue = 0, refused = 0, stamp = 0;

    static constexpr auto fields =
        std::tuple{field("full", &Lost::full, "it was full"),
                   field("overdue", &Lost::overdue, "it had stood still for longer than its lease"),
                   field("refused", &Lost::refused, "the device did not take them back"),
                   field("stamp", &Lost::stamp, "without a stamp that it could read")};
  };
  struct Full {
    std::int64_t time_us = 0;
    std::uint64_t packets = 0, bytes = 0;

    static constexpr auto fields = std::tuple{field("time_us", &Full::time_us, "for how long"),
                                              field("packets", &Full::packets, "what it carried meanwhile"),
                                              field("bytes", &Full::bytes, "likewise")};
  };
  struct Urgency {
    std::uint64_t threads = 0, refused = 0;
    std::optional<std::string> error = {};
    std::uint64_t fell_back = 0, stopped_by_kernel = 0;
    std::int64_t ordinary_us = 0;

    static constexpr const char* shape = "urgency";
    static constexpr auto fields =
        std::tuple{field("threads", &Urgency::threads, "that were granted a real-time class"),
                   field("refused", &Urgency::refused, "that were not"),
                   field("error", &Urgency::error, "why not, or null"),
                   field("fell_back", &Urgency::fell_back, "how often one had used its budget up"),
                   field("stopped_by_kernel", &Urgency::stopped_by_kernel, "of these: by RLIMIT_RTTIME"),
                   field("ordinary_us", &Urgency::ordinary_us, "how long they were ordinary, in all")};
  };
  struct Realtime {
    Urgency line, others;

    static constexpr auto fields = std::tuple{field("line", &Realtime::line, "of the line's thread"),
                                              field("others", &Realtime::others, "of the others")};
  };

  std::uint64_t read = 0, written = 0, frames_read = 0, frames_written = 0, bytes_read = 0, merged = 0,
                held_max_bytes = 0;
  std::int64_t stalled_us = 0;
  Lost lost = {};
  Full full = {};
  Realtime realtime = {};

  static constexpr const char* shape = "line's statistics";
  static constexpr auto fields =
      std::tuple{field("read", &LineStats::read, "wire packets that came in"),
                 field("written", &LineStats::written, "wire packets that left"),
                 field("lost", &LineStats::lost, "wire packets that did not leave, by why"),
                 field("frames_read", &LineStats::frames_read, "a frame may be a bundle of packets"),
                 field("frames_written", &LineStats::frames_written, "likewise"),
                 field("bytes_read", &LineStats::bytes_read, "that came in"),
                 field("merged", &LineStats::merged, "segments that left inside a gathered frame"),
                 field("held_max_bytes", &LineStats::held_max_bytes, "the most that it held at a time"),
                 field("stalled_us", &LineStats::stalled_us, "the longest time between two of its loops"),
                 field("full", &LineStats::full, "how it fared while it was full"),
                 field("realtime", &LineStats::realtime, "whether its process got the processor in time")};
};

}  // namespace faultline::record
