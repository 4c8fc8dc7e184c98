#pragma once

#include "ops/activation.h"
#include "ops/context.h"
#include "ops/weight.h"

namespace sumi {

/// y[n,i,j,o] = act(bias[o] + row[n,o] + sum over u,v,c of x[n, i*stride+u-top, j*stride+v-left, c] * w[o,c,u,v]) +
/// residual[n,i,j,o] with zeros outside of x. Of an upsampled x, x[n,i,j] stands for x[n,floor(i/2),floor(j/2)].
struct Conv2dOp {
  static constexpr std::string_view name = "conv2d";

  struct Padding {
    std::int64_t top = 0, left = 0, bottom = 0, right = 0;
    auto operator<=>(const Padding&) const = default;
  };
  struct Case {
    std::int64_t batch, height, width, in_channels, out_channels;
    std::int64_t kernel = 3, stride = 1;
    Padding padding;
    DType x = DType::f32, y = DType::f32;
    Activation activation = Activation::none;
    bool bias = false, row = false, residual = false;
    bool upsampled = false;  ///< every pixel of x stands for two by two

    auto operator<=>(const Case&) const = default;
    std::int64_t repeats() const { return upsampled ? 2 : 1; }  ///< of a pixel, along an axis
    std::int64_t out_height() const {
      return (height * repeats() + padding.top + padding.bottom - kernel) / stride + 1;
    }
    std::int64_t out_width() const { return (width * repeats() + padding.left + padding.right - kernel) / stride + 1; }
    double flops() const;
    std::string text() const;
  };
  struct Args {
    Tensor x;                           ///< (batch, height, width, in_channels)
    const std::byte* packed = nullptr;  ///< of a weight (out_channels, in_channels, kernel, kernel)
    Tensor bias;                        ///< (out_channels) float32
    Tensor row;                         ///< (batch, out_channels) of x's type: the time embedding
    Tensor residual;                    ///< like y
    Tensor y;                           ///< (batch, out_height, out_width, out_channels)
  };
};

struct Conv2dOptions {
  const Vector* bias = nullptr;
  std::int64_t stride = 1;
  Conv2dOp::Padding padding = {1, 1, 1, 1};
  Tensor row = {}, residual = {};
  Activation activation = Activation::none;
  std::optional<DType> type = {};  ///< of y; x's unless given
  bool upsampled = false;
};

/// Error(internal) with both shapes where they do not fit.
Tensor conv2d(Context& ctx, const Tensor& x, const Weight& weight, const Conv2dOptions& options = {});

}  // namespace sumi
