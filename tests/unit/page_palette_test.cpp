// The colours of the report's charts: whether those of one chart can be told from its ground and from each other, by
// eyes with and without all three kinds of cones. docs/report.md states the rule.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "injector/report/page_charts.h"
#include "injector/report/page_files.h"
#include "injector/report/summary.h"
#include "tests/unit/record_fixture.h"

namespace faultline::report {
namespace {

using namespace record::testing;
using Triple = std::array<double, 3>;

constexpr double kContrast = 3, kApart = 0.10;  // WCAG 2.2, 1.4.11; a distance in Oklab
constexpr double kShade = 0.1;                  // of a fault's window, in paint.js

/// A colour of page.css in linear light.
Triple linear(const std::string& hex) {
  Triple rgb{};
  const bool small = hex.size() == 4;
  for (std::size_t i = 0; i < 3; i++) {
    const std::string digits = small ? std::string(2, hex[i + 1]) : hex.substr(1 + 2 * i, 2);
    const double part = std::stoi(digits, nullptr, 16) / 255.0;
    rgb.at(i) = part <= 0.04045 ? part / 12.92 : std::pow((part + 0.055) / 1.055, 2.4);
  }
  return rgb;
}

Triple times(const std::array<Triple, 3>& matrix, const Triple& v) {
  Triple out{};
  for (std::size_t i = 0; i < 3; i++)
    for (std::size_t j = 0; j < 3; j++) out.at(i) += matrix.at(i).at(j) * v.at(j);
  return out;
}

/// Machado, Oliveira and Fernandes (2009), at full severity.
const std::map<std::string, std::array<Triple, 3>> kEyes{
    {"three kinds of cones", {{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}}},
    {"protanopia",
     {{{0.152286, 1.052583, -0.204868}, {0.114503, 0.786281, 0.099216}, {-0.003882, -0.048116, 1.051998}}}},
    {"deuteranopia",
     {{{0.367322, 0.860646, -0.227968}, {0.280085, 0.672501, 0.047413}, {-0.011820, 0.042940, 0.968881}}}},
    {"tritanopia",
     {{{1.255528, -0.076749, -0.178779}, {-0.078411, 0.930809, 0.147602}, {0.004733, 0.691367, 0.303900}}}}};

Triple oklab(const Triple& rgb) {
  Triple cones = times({{{0.4122214708, 0.5363325363, 0.0514459929},
                         {0.2119034982, 0.6806995451, 0.1073969566},
                         {0.0883024619, 0.2817188376, 0.6299787005}}},
                       rgb);
  for (double& one : cones) one = std::cbrt(one);
  return times({{{0.2104542553, 0.7936177850, -0.0040720468},
                 {1.9779984951, -2.4285922050, 0.4505937099},
                 {0.0259040371, 0.7827717662, -0.8086757660}}},
               cones);
}

double apart(const Triple& a, const Triple& b, const std::array<Triple, 3>& eyes) {
  const auto seen = [&](const Triple& color) {
    Triple out = times(eyes, color);
    for (double& one : out) one = std::clamp(one, 0.0, 1.0);
    return oklab(out);
  };
  const Triple x = seen(a), y = seen(b);
  return std::hypot(x[0] - y[0], x[1] - y[1], x[2] - y[2]);
}

double contrast(const Triple& a, const Triple& b) {
  const auto luminance = [](const Triple& c) { return 0.2126 * c[0] + 0.7152 * c[1] + 0.0722 * c[2]; };
  const auto [low, high] = std::minmax(luminance(a), luminance(b));
  return (high + 0.05) / (low + 0.05);
}

/// The colours of the page by name, by day or by night.
std::map<std::string, std::string> colors(bool dark) {
  std::string style(kPageStyle);
  const auto night = style.find("prefers-color-scheme: dark"), paper = style.find("* { box-sizing");
  const auto day = style.find(":root");
  style = dark ? style.substr(night, paper - night) : style.substr(day, night - day);
  std::map<std::string, std::string> out;
  for (std::size_t at = 0; (at = style.find("--", at)) != std::string::npos;) {
    const auto colon = style.find(':', at), end = style.find(';', at);
    out[style.substr(at + 2, colon - at - 2)] = style.substr(colon + 2, end - colon - 2);
    at = end;
  }
  return out;
}

/// What lies behind curves: the page, and a fault's window on it. Blended as a canvas does it.
std::vector<Triple> grounds(const std::map<std::string, std::string>& colors) {
  const std::string page = colors.at("bg"), fault = colors.at("fault");
  std::string shaded = "#";
  for (std::size_t i = 0; i < 3; i++) {
    const auto part = [i](const std::string& hex) {
      return std::stoi(hex.size() == 4 ? std::string(2, hex[i + 1]) : hex.substr(1 + 2 * i, 2), nullptr, 16);
    };
    shaded += fmt::format("{:02x}", std::lround((1 - kShade) * part(page) + kShade * part(fault)));
  }
  return {linear(page), linear(shaded)};
}

/// The charts of a run in which there is one of each, and more errors than colours.
std::vector<PageChart> all_charts() {
  record::Recording r = good_recording();
  auto& probe = r.probes[0];
  for (std::size_t i = 0; i < 200; i++) probe.answers[i].error = probe.error_index(fmt::format("error {}", i % 11));
  for (auto& one : probe.answers) one.value = static_cast<double>(one.due);
  r.telemetry = {{"web", {one_of_each(5 * kSecond)}}};
  record::events::Contention busy;
  busy.from = 5 * kSecond;
  busy.length = kSecond;
  busy.programs.longest = kSecond;
  r.contention = {busy};
  return page_data(r, summarize(r, record::judge(r))).charts;
}

TEST(PagePalette, EverySeriesCanBeToldFromItsGroundAndFromTheOthers) {
  const auto charts = all_charts();
  EXPECT_GE(charts.size(), 9u);
  for (const bool dark : {false, true}) {
    const auto named = colors(dark);
    for (const auto& chart : charts)
      for (std::size_t i = 0; i < chart.series.size(); i++) {
        const auto& one = chart.series[i];
        ASSERT_TRUE(named.contains(one.tone)) << one.tone << " is no colour of page.css";
        const Triple color = linear(named.at(one.tone));
        for (const auto& ground : grounds(named))
          EXPECT_GE(contrast(color, ground), kContrast) << chart.id << ": " << one.name << ", dark " << dark;
        for (std::size_t j = 0; j < i; j++) {
          const auto& other = chart.series[j];
          if (one.dash != other.dash || one.look == "floor" || other.look == "floor") continue;  // a band is no line
          for (const auto& [eyes, matrix] : kEyes)
            EXPECT_GE(apart(color, linear(named.at(other.tone)), matrix), kApart)
                << chart.id << ": " << one.name << " and " << other.name << ", " << eyes << ", dark " << dark;
        }
        if (chart.probe && chart.id == "latency") {
          for (const auto& [eyes, matrix] : kEyes)
            EXPECT_GE(apart(color, linear(named.at("bad1")), matrix), kApart) << "the crosses: " << one.name << eyes;
        }
      }
  }
}

}  // namespace
}  // namespace faultline::report
