#pragma once

#include "ops/activation.h"
#include "ops/context.h"
#include "ops/weight.h"

namespace sumi {

/// y[r,o] = act(bias[o] + sum over i of x[r,i] * w[o,i]) + residual[r,o].
/// Gated (GEGLU and its relatives, Shazeer 2020): the weight's first half of rows gives values v, the second half gates
/// g, and y[r,o] = v[r,o] * act(g[r,o]) + residual[r,o].
/// With a rounding each row of x and of the weight is first rounded to multiples of its own step (`round_to`); the rest
/// is as above. Sums of int8, products of whole numbers, lose nothing.
struct LinearOp {
  static constexpr std::string_view name = "linear";

  struct Case {
    std::int64_t rows, in, out;  ///< `out` columns of y: half the weight's rows when gated
    DType x = DType::f32, y = DType::f32;
    Activation activation = Activation::none;
    bool gated = false, bias = false, residual = false;
    Rounding rounding = Rounding::none;

    auto operator<=>(const Case&) const = default;
    std::int64_t weight_rows() const { return gated ? 2 * out : out; }
    double flops() const;
    std::string text() const;
  };
  struct Args {
    Tensor x;                           ///< (rows, in)
    const std::byte* packed = nullptr;  ///< of a weight (weight_rows, in)
    Tensor bias;                        ///< (weight_rows) of the plan's bias_type
    Tensor residual;                    ///< like y
    Tensor y;                           ///< (rows, out)
  };
};

struct LinearOptions {
  const Vector* bias = nullptr;
  Tensor residual = {};
  Activation activation = Activation::none;
  bool gated = false;
  Rounding rounding = Rounding::none;  ///< int8 changes y by about 1 % of its root mean square, fp8 by about 4 %
  std::optional<DType> type = {};      ///< of y; x's unless given
  Tensor into = {};                    ///< where to write; a new tensor unless given
};

/// x of any rank, (..., in), gives (..., out). Error(internal) with both shapes where they do not fit.
Tensor linear(Context& ctx, const Tensor& x, const Weight& weight, const LinearOptions& options = {});

/// y[r,o] = bias[o] + residual[r,o]: what a linear makes of rows of zeros.
struct BiasOp {
  static constexpr std::string_view name = "bias";

  struct Case {
    std::int64_t rows, out;
    DType y = DType::f32;
    bool residual = false;

    auto operator<=>(const Case&) const = default;
    double flops() const { return residual ? static_cast<double>(rows * out) : 0; }
    std::string text() const;
  };
  struct Args {
    Tensor bias;      ///< (out) float32
    Tensor residual;  ///< like y
    Tensor y;         ///< (rows, out)
  };
};

/// Into y, (..., out).
void fill(Context& ctx, const Vector& bias, const Tensor& residual, const Tensor& y);

}  // namespace sumi
