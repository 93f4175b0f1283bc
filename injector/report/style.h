// How report.html looks: light or dark as the reader's machine has it, and on paper.
#pragma once

#include <string>

namespace faultline::report {

inline constexpr const char* kStyle = R"css(
:root { --bg: #fff; --fg: #1d2230; --dim: #667085; --line: #e3e6ee; --blue: #2563eb; --red: #d92d20; --green: #079455; --amber: #b54708; --fault: #7c3aed; }
@media (prefers-color-scheme: dark) { :root { --bg: #12151d; --fg: #e6e9f0; --dim: #98a2b3; --line: #2a3040; --blue: #6ea8fe; --red: #f97066; --green: #47cd89; --amber: #fdb022; --fault: #a78bfa; } }
body { margin: 2rem auto; max-width: 72rem; padding: 0 1.25rem; background: var(--bg); color: var(--fg); font: 15px/1.5 system-ui, sans-serif; }
h1 { margin: .2rem 0; font-size: 1.6rem; } h2 { margin: 2rem 0 .5rem; font-size: 1.1rem; }
.dim, .key, footer { color: var(--dim); } .key, footer { font-size: .85rem; }
.verdict { display: inline-block; margin: 0; padding: .1rem .7rem; border-radius: 1rem; color: #fff; background: var(--amber); font-weight: 600; text-transform: uppercase; letter-spacing: .04em; }
.verdict.passed { background: var(--green); } .verdict.completed { background: var(--blue); } .verdict.deviated, .verdict.failed { background: var(--red); }
.reasons { color: var(--amber); } .reasons, ul.broken { padding-left: 1.2rem; }
svg { display: block; width: 100%; margin-top: 1rem; font: 11px system-ui, sans-serif; }
svg text { fill: var(--fg); } svg .tick, svg .dim { fill: var(--dim); font-size: 10px; } svg .name { font-weight: 600; font-size: 12px; } svg .name .dim { font-weight: 400; }
.grid { stroke: var(--line); stroke-width: 1; } .fault rect { fill: var(--fault); opacity: .85; } svg .fault .in { fill: #fff; } .window { fill: var(--fault); opacity: .1; }
.p50 { fill: none; stroke: var(--blue); stroke-width: 1.5; } .spread { fill: var(--blue); opacity: .22; } .strip { fill: var(--line); opacity: .5; } .failed { fill: var(--red); }
.event { stroke: var(--amber); stroke-width: 1.5; stroke-dasharray: 2 2; } .stop { stroke: var(--red); stroke-width: 2; stroke-dasharray: 4 3; } .hit { fill: transparent; } .hit:hover { fill: var(--fg); opacity: .08; }
.swatch { display: inline-block; width: 1.6em; height: .7em; margin: 0 .2em 0 .8em; border-radius: 2px; } .swatch.p50 { height: 2px; vertical-align: middle; background: var(--blue); }
.swatch.spread { background: var(--blue); } .swatch.failed { background: var(--red); } .swatch.window { background: var(--fault); opacity: .3; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; } th, td { padding: .3rem .6rem; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
th { color: var(--dim); font-weight: 500; } .n { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; } tr.first td { border-top: 2px solid var(--line); }
.held { color: var(--green); } .broken { color: var(--red); } .open { color: var(--amber); } td.held, td.broken, td.open { font-weight: 700; }
code { font-size: .95em; } @media print { body { margin: 0; max-width: none; } .hit { display: none; } }
)css";

/// A page up to what stands in its body. `title` is HTML; `more` is style of this page alone.
std::string page_begin(const std::string& title, const std::string& more = "");
inline constexpr const char* kPageEnd = "</body></html>\n";

}  // namespace faultline::report
