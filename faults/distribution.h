// The curves that jitter is drawn by: inverse distribution functions as tables, made once and read by the player. A
// uniform random number goes in, a number of standard deviations comes out. Mean 0, standard deviation 1, cut at the
// tails' last cell (a chance of 2^-19), so that `jitter` means the same whatever the shape.
#pragma once

#include <functional>
#include <vector>

#include "faults/abi.h"
#include "faults/channel.h"

namespace faultline::faults {

/// The quantile function of the standard normal distribution, for p in (0, 1). Relative error below 1e-9.
double normal_quantile(double p);

/// The quantile of a shape but a table's, for p in (0, 1). Normal: the standard normal. Pareto: with exponent 3, moved
/// and scaled to mean 0 and deviation 1. Pareto-normal: a quarter of the normal quantile and three quarters of the
/// Pareto's, scaled likewise.
double quantile(JitterShape shape, double p);

/// A table of a quantile function, in the player's form. Values beyond what 2^-16 deviations can express are cut.
fl_curve tabulate(const std::function<double(double)>& quantile);

/// The curves that every player knows: FL_CURVE_PHI, FL_CURVE_NORMAL, then those of the other shapes, by curve_of().
/// Made once.
const std::vector<fl_curve>& curves();
/// Index of a shape's curve; 0 for the uniform one, which has none. A table's come behind them: see Score::curves.
std::uint32_t curve_of(JitterShape shape);
/// The largest deviation that a channel's jitter can draw, in units of jitter; 1 for the uniform one.
double reach_of(const Channel& channel);
/// The curve of a table: each of its values is as probable as the others.
fl_curve tabulate(const Deviations& table);

}  // namespace faultline::faults
