// Shapes in a row of readings: one that leaves its usual range little by little, and one that no longer moves.
#pragma once

#include <cstddef>
#include <optional>
#include <span>

namespace thimble {

// Indices of readings, both ends belong to it.
struct LogDrift {
  size_t first;  // already off
  size_t last;   // farthest off
  double from;
  double to;
};

// A gradual rise or fall from a level that the readings outside of it keep to. Nothing is found in fewer than 16 readings, in steps
// (one jump makes two fifths of the change), in changes below eight times the noise or a tenth of the level, in what goes up and down
// more than once, in what stays where it came to (a machine that got warm), nor in counters, which have no level.
//
// Noise is 1.4826 median |x[i+1] - x[i]| / sqrt 2 (the deviation of a normal distribution); gradual means that Kendall's tau with time
// is 0.7 or more (Mann 1945, Kendall 1975). Takes time linear in the readings, save where they may hold a drift.
std::optional<LogDrift> find_drift(std::span<const double> values);

struct LogStandstill {
  size_t first;
  size_t last;
};
// A run of one value in readings that otherwise change so often that by chance it would come once in 10^8 times.
std::optional<LogStandstill> find_standstill(std::span<const double> values);

}  // namespace thimble
