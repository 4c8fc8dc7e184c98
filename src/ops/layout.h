#pragma once

#include "ops/context.h"

namespace sumi {

/// Channels of a, then channels of b: y[..., :A] = a, y[..., A:] = b.
struct ConcatOp {
  static constexpr std::string_view name = "concat";

  struct Case {
    std::int64_t rows, a_channels, b_channels;
    DType x = DType::f32;

    auto operator<=>(const Case&) const = default;
    double flops() const { return 0; }
    std::string text() const;
  };
  struct Args {
    Tensor a, b;  ///< (..., channels)
    Tensor y;
  };
};

/// a and b agree in all axes but the last.
Tensor concat(Context& ctx, const Tensor& a, const Tensor& b);

/// Nearest neighbour: y[n,i,j] = x[n, floor(i * height / out_height), floor(j * width / out_width)].
struct UpsampleOp {
  static constexpr std::string_view name = "upsample";

  struct Case {
    std::int64_t batch, height, width, channels, out_height, out_width;
    DType x = DType::f32;

    auto operator<=>(const Case&) const = default;
    double flops() const { return 0; }
    std::string text() const;
  };
  struct Args {
    Tensor x;  ///< (batch, height, width, channels)
    Tensor y;  ///< (batch, out_height, out_width, channels)
  };
};

Tensor upsample(Context& ctx, const Tensor& x, std::int64_t out_height, std::int64_t out_width);

}  // namespace sumi
