#pragma once

#include "core/philox.h"
#include "ops/context.h"

namespace sumi {

/// A picture of standard normal noise, channels outermost in the order of the draw: y[p,c] = value c * pixels + p of it
/// (core/rng.h).
struct NoiseOp {
  static constexpr std::string_view name = "noise";

  struct Case {
    std::int64_t pixels, channels;

    auto operator<=>(const Case&) const = default;
    double flops() const { return static_cast<double>(pixels * channels); }
    std::string text() const;
  };
  struct Args {
    PhiloxDraw draw;
    Tensor y;  ///< (1, height, width, channels), float32
  };
};

/// `shape`: (batch, height, width, channels), with a draw for each of the batch. Float32.
Tensor draw_noise(Context& ctx, std::span<const PhiloxDraw> draws, const Shape& shape);

}  // namespace sumi
