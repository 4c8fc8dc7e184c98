#pragma once

#include <array>

#include "ops/activation.h"
#include "ops/context.h"

namespace sumi {

/// y = act(x), also from one float type to another.
struct ActivateOp {
  static constexpr std::string_view name = "activate";

  struct Case {
    std::int64_t elements;
    DType x = DType::f32, y = DType::f32;
    Activation activation = Activation::none;

    auto operator<=>(const Case&) const = default;
    double flops() const { return static_cast<double>(elements); }
    std::string text() const;
  };
  struct Args {
    Tensor x, y;
  };
};

Tensor activate(Context& ctx, const Tensor& x, Activation activation);
/// The same values in another float type; x itself if it has that type.
Tensor cast(Context& ctx, const Tensor& x, DType type);

/// y[r,o] = v[r,o] * act(g[r,o]), where a row of x holds the values v and then as many gates g: what a gated linear
/// does at its end.
struct GateOp {
  static constexpr std::string_view name = "gate";

  struct Case {
    std::int64_t rows, out;
    DType x = DType::f32;
    Activation activation = Activation::none;

    auto operator<=>(const Case&) const = default;
    double flops() const { return 2.0 * static_cast<double>(rows * out); }
    std::string text() const;
  };
  struct Args {
    Tensor x;  ///< (rows, 2 * out)
    Tensor y;  ///< (rows, out)
  };
};

/// Halves the last axis.
Tensor gate(Context& ctx, const Tensor& x, Activation activation);

/// y = sum over i of coefficient[i] * x[i], clamped to -limit..limit. Sums in double where coefficients cancel
/// (samplers).
struct CombineOp {
  static constexpr std::string_view name = "combine";
  static constexpr std::size_t most = 8;

  struct Case {
    std::int64_t elements;
    std::size_t terms;
    DType x = DType::f32, y = DType::f32;
    bool clamped = false;

    auto operator<=>(const Case&) const = default;
    double flops() const { return 2.0 * static_cast<double>(elements) * static_cast<double>(terms); }
    std::string text() const;
  };
  struct Args {
    std::array<Tensor, most> x;  ///< the first `terms`, all of one shape and type
    std::array<double, most> coefficient{};
    double limit = 0;
    Tensor y;  ///< may be one of x
  };
};

struct Term {
  double coefficient;
  Tensor x;
};
struct CombineOptions {
  std::optional<double> limit = {};  ///< clamps to -limit..limit
  Tensor into = {};                  ///< where to write, possibly one of the terms; a new tensor unless given
};
/// One to eight terms.
Tensor combine(Context& ctx, std::span<const Term> terms, const CombineOptions& options = {});
/// x times each coefficient, one after the other along the first axis.
Tensor repeat(Context& ctx, const Tensor& x, std::span<const double> coefficients);
/// x again and again along the first axis up to `rows`, a multiple of x's; x itself where it has as many.
Tensor repeat_to(Context& ctx, const Tensor& x, std::int64_t rows);

/// y = mask * a + (1 - mask) * b, element by element.
struct BlendOp {
  static constexpr std::string_view name = "blend";

  struct Case {
    std::int64_t elements;
    DType x = DType::f32;

    auto operator<=>(const Case&) const = default;
    double flops() const { return 3.0 * static_cast<double>(elements); }
    std::string text() const;
  };
  struct Args {
    Tensor mask, a, b;  ///< of one shape and type
    Tensor y;           ///< may be one of them
  };
};

/// Into `y`, which may be one of the others.
void blend(Context& ctx, const Tensor& mask, const Tensor& a, const Tensor& b, const Tensor& y);

/// Classifier-free guidance (Ho and Salimans, 2022): x holds the unconditional predictions, then the conditional ones
/// c; y = u + guidance * (c - u). With rescale phi > 0 (Lin et al., 2023, section 3.4) y becomes phi * y * std(c) /
/// std(y) + (1 - phi) * y, the unbiased standard deviations over each picture.
struct GuideOp {
  static constexpr std::string_view name = "guide";

  struct Case {
    std::int64_t batch, elements;  ///< pictures in y, elements of each
    bool rescaled = false;
    DType x = DType::f32;

    auto operator<=>(const Case&) const = default;
    double flops() const { return (rescaled ? 9.0 : 3.0) * static_cast<double>(batch * elements); }
    std::string text() const;
  };
  struct Args {
    Tensor x;  ///< (2 * batch, ...)
    double guidance = 1, rescale = 0;
    Tensor y;  ///< (batch, ...)
  };
};

Tensor guide(Context& ctx, const Tensor& x, double guidance, double rescale = 0);

}  // namespace sumi
