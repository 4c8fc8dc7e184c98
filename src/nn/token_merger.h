#pragma once

#include <optional>
#include <random>

#include "ops/token_merging.h"

namespace sumi {

/// Layers of a transformer block that work on merged tokens.
struct MergedSites {
  bool self_attention = true, cross_attention = false, feed_forward = false;
};

/// What merges for one block: from a picture's tokens to fewer and back.
struct MergedTokens {
  Tensor place;  ///< as `match_tokens` gives it
  std::int64_t length;
  MergedSites sites;

  Tensor merge(Context& ctx, const Tensor& x) const { return merge_tokens(ctx, x, place, length); }
  Tensor unmerge(Context& ctx, const Tensor& x, const Tensor& residual) const {
    return unmerge_tokens(ctx, x, place, residual);
  }
};

/// Merges like tokens of the transformers of a UNet, for one picture or batch (Bolya and Hoffman, 2023): one token of
/// each cell of the picture is a destination, and a share of all tokens merges into the destinations most like them.
struct TokenMerger {
  double ratio;                          ///< the share that merges, 0..1; at most all that are no destinations
  std::int64_t cell_height, cell_width;  ///< tokens
  std::int64_t least_tokens;             ///< transformers of fewer tokens merge none
  MergedSites sites;
  /// Draws which token of a cell is the destination, anew for each block; the top left one where there is none.
  std::optional<std::mt19937_64> random = {};

  /// For a block with the input x: (batch, height * width, channels). Nothing where there is nothing to merge.
  std::optional<MergedTokens> match(Context& ctx, const Tensor& x, std::int64_t height, std::int64_t width);

 private:
  std::vector<std::int32_t> destinations(std::int64_t height, std::int64_t width);
};

}  // namespace sumi
