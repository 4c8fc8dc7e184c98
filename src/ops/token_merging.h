#pragma once

#include "ops/context.h"

namespace sumi {

/// Which tokens merge into which (Bolya and Hoffman, 2023). Some tokens are destinations, the others sources. A
/// source's match is the destination of the largest cosine, the first of equal ones; the `merged` sources of the
/// largest cosines, again the first of equal ones, merge into their matches. What is left is a shorter sequence: the
/// sources that stay, then the destinations, both in their order. y[n,t] is the row of token t in it. Tokens of zeros
/// have cosine 0.
struct MatchTokensOp {
  static constexpr std::string_view name = "match_tokens";

  struct Case {
    std::int64_t batch, tokens, channels, destinations, merged;
    DType x = DType::f32;

    auto operator<=>(const Case&) const = default;
    std::int64_t sources() const { return tokens - destinations; }
    double flops() const {
      return 2.0 * static_cast<double>(batch * channels) * static_cast<double>(sources() * destinations);
    }
    std::string text() const;
  };
  struct Args {
    Tensor x;             ///< (batch, tokens, channels)
    Tensor destinations;  ///< (destinations) i32, rising: the caller checked
    Tensor y;             ///< (batch, tokens) i32
  };
};

/// `destinations`: rising indices of tokens, at least one; `merged`: at most as many as there are other tokens.
Tensor match_tokens(Context& ctx, const Tensor& x, std::span<const std::int32_t> destinations, std::int64_t merged);

/// y[n,r] = the mean of x[n,t] over the tokens t with place[n,t] = r.
struct MergeTokensOp {
  static constexpr std::string_view name = "merge_tokens";

  struct Case {
    std::int64_t batch, tokens, length, channels;
    DType x = DType::f32;

    auto operator<=>(const Case&) const = default;
    double flops() const { return static_cast<double>(batch * tokens * channels); }
    std::string text() const;
  };
  struct Args {
    Tensor x;      ///< (batch, tokens, channels)
    Tensor place;  ///< (batch, tokens) i32 in 0..length-1, each row the place of some token: as `match_tokens` gives it
    Tensor y;      ///< (batch, length, channels)
  };
};

/// `place` from `match_tokens`, which leaves `length` tokens.
Tensor merge_tokens(Context& ctx, const Tensor& x, const Tensor& place, std::int64_t length);

/// y[n,t] = x[n, place[n,t]] + residual[n,t].
struct UnmergeTokensOp {
  static constexpr std::string_view name = "unmerge_tokens";

  using Case = MergeTokensOp::Case;
  struct Args {
    Tensor x;         ///< (batch, length, channels)
    Tensor place;     ///< (batch, tokens) i32 in 0..length-1
    Tensor residual;  ///< like y
    Tensor y;         ///< (batch, tokens, channels)
  };
};

Tensor unmerge_tokens(Context& ctx, const Tensor& x, const Tensor& place, const Tensor& residual);

}  // namespace sumi
