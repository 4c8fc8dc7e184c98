#pragma once

#include <span>
#include <string_view>

namespace sumi {

/// What a linear rounds the rows of both its factors to, each row with a step of its own.
enum class Rounding { none, int8, fp8 };

/// "int8", "fp8"; empty for none.
std::string_view name_of(Rounding rounding);

/// Rounds values to what their kind has, times a step. They become multiples of the step, which it returns. In float32,
/// so that every kernel finds the same. Where no magnitude reaches 2^-100 all is 0, the step too; where one is not
/// finite the step is NaN, and so is every product with it.
///   int8: whole numbers of -127 to 127, the step the largest magnitude / 127; ties to even.
///   fp8: numbers of e4m3 (four bits of exponent, three of fraction, up to 448; Micikevicius et al., 2022), the step
///   the largest magnitude / 448; ties to even.
/// Each value is multiplied by 127 or 448 / largest, and then rounded.
float round_to(Rounding rounding, std::span<float> values);

/// From here on 448 / largest is finite and largest / 448 a normal number.
inline constexpr float least_rounded_magnitude = 0x1p-100f;

}  // namespace sumi
