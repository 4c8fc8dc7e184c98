#pragma once

#include <span>

namespace sumi {

/// Rounds values to whole multiples of a step, the largest magnitude / 127, to the nearest, ties to even. They become
/// the multiples, -127 to 127; returns the step. In float32: value * (127 / largest), so that every kernel finds the
/// same. Where no magnitude reaches 2^-100 all is 0, the step too; where one is not finite the step is NaN, and so is
/// every product with it.
float round_to_int8(std::span<float> values);

/// From here on 127 / largest is finite and largest / 127 a normal number.
inline constexpr float least_int8_magnitude = 0x1p-100f;

}  // namespace sumi
