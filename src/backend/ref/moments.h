#pragma once

#include <span>

namespace sumi::ref {

struct Moments {
  double mean, variance;  ///< the biased one
};

/// In two passes: the variance of values far from zero would drown in the rounding of their squares.
inline Moments moments(std::span<const float> x) {
  const auto n = static_cast<double>(x.size());
  double sum = 0, squares = 0;
  for (const double value : x) sum += value;
  const double mean = sum / n;
  for (const double value : x) squares += (value - mean) * (value - mean);
  return {mean, squares / n};
}

}  // namespace sumi::ref
