#pragma once

#include "nn/token_merger.h"

namespace sumi {

/// Token merging for Stable Diffusion (Bolya and Hoffman, 2023) as a user asks for it.
struct TokenMerging {
  double ratio = 0.5;                            ///< of a transformer's tokens: 0..1 - 1 / (cell_height * cell_width)
  std::int64_t cell_height = 2, cell_width = 2;  ///< 1..16 each: one token of each cell stays for sure
  /// Transformers at up to so many times less than the latents' resolution along a side merge: 1, 2, 4, 8.
  std::int64_t max_downsample = 1;
  bool random = true;  ///< which token of a cell stays, else the top left one
  MergedSites sites;

  /// What UNetOptions::merger takes, for one run on latents of this size. Made anew for each run, it draws the same
  /// numbers, whatever the seeds of pictures: one of a batch stays the one that its seed gives alone.
  /// Error(usage) naming a value outside its range.
  TokenMerger merger(std::int64_t latent_height, std::int64_t latent_width) const;
};

}  // namespace sumi
