#pragma once

#include "ops/context.h"
#include "ops/weight.h"

namespace sumi {

/// y[b,t] = tokens[ids[b,t]] + positions[t].
struct EmbeddingOp {
  static constexpr std::string_view name = "embedding";

  struct Case {
    std::int64_t batch, length, vocabulary, channels;
    DType y = DType::f32;

    auto operator<=>(const Case&) const = default;
    double flops() const { return static_cast<double>(batch * length * channels); }
    std::string text() const;
  };
  struct Args {
    Tensor ids;                         ///< (batch, length) i32, each in 0..vocabulary-1: the caller checked
    const std::byte* packed = nullptr;  ///< of the token table (vocabulary, channels)
    Tensor positions;                   ///< (length or more, channels) float32
    Tensor y;                           ///< (batch, length, channels)
  };
};

/// `positions` holds rows of `channels` values, at least as many as ids has columns.
Tensor embedding(Context& ctx, const Tensor& ids, const Weight& tokens, const Vector& positions);

/// The sinusoids of a timestep (Ho et al., 2020, as Stable Diffusion orders them): with half = channels / 2 and
/// frequency f_i = exp(-ln(10000) i / (half - shift)), y[n] = [cos(t_n f_i) for i, sin(t_n f_i) for i] when
/// `cosine_first`, else the sines first.
struct SinusoidOp {
  static constexpr std::string_view name = "sinusoid";

  struct Case {
    std::int64_t count, channels;  ///< channels are even
    double shift = 0;
    bool cosine_first = true;
    DType y = DType::f32;

    auto operator<=>(const Case&) const = default;
    double flops() const { return static_cast<double>(count * channels); }
    std::string text() const;
  };
  struct Args {
    Tensor x;  ///< (count) float32
    Tensor y;  ///< (count, channels)
  };
};

struct SinusoidOptions {
  double shift = 0;
  bool cosine_first = true;
};

Tensor sinusoid(Context& ctx, const Tensor& x, std::int64_t channels, const SinusoidOptions& options = {});

}  // namespace sumi
