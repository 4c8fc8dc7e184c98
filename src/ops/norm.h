#pragma once

#include "ops/activation.h"
#include "ops/context.h"
#include "ops/weight.h"

namespace sumi {

/// Group normalisation (Wu and He, 2018) over pixels and the channels of each group, then an activation:
/// y = act((x - mean) / sqrt(variance + epsilon) * scale[c] + shift[c]); the variance is the biased one.
struct GroupNormOp {
  static constexpr std::string_view name = "group_norm";

  struct Case {
    std::int64_t batch, pixels, channels, groups;
    double epsilon = 1e-5;
    Activation activation = Activation::none;
    DType x = DType::f32;

    auto operator<=>(const Case&) const = default;
    double flops() const { return 8.0 * static_cast<double>(batch * pixels * channels); }
    std::string text() const;
  };
  struct Args {
    Tensor x;             ///< (batch, ..., channels)
    Tensor scale, shift;  ///< (channels) float32
    Tensor y;             ///< like x
  };
};

/// x is (batch, height, width, channels) or (batch, pixels, channels).
Tensor group_norm(Context& ctx, const Tensor& x, const Vector& scale, const Vector& shift, std::int64_t groups,
                  double epsilon, Activation activation = Activation::none);

/// Layer normalisation (Ba et al., 2016) over the last axis: y = (x - mean) / sqrt(variance + epsilon) * scale + shift.
struct LayerNormOp {
  static constexpr std::string_view name = "layer_norm";

  struct Case {
    std::int64_t rows, channels;
    double epsilon = 1e-5;
    DType x = DType::f32;

    auto operator<=>(const Case&) const = default;
    double flops() const { return 8.0 * static_cast<double>(rows * channels); }
    std::string text() const;
  };
  struct Args {
    Tensor x;             ///< (rows, channels)
    Tensor scale, shift;  ///< (channels) float32
    Tensor y;             ///< like x
  };
};

Tensor layer_norm(Context& ctx, const Tensor& x, const Vector& scale, const Vector& shift, double epsilon);

}  // namespace sumi
