#pragma once

#include <cstdint>

#include "core/aligned.h"
#include "core/source.h"

namespace sumi {

struct ProductKernel;

/// The right factor of products of matrices, (steps, columns), laid out for this processor.
class RightFactor {
 public:
  /// Its first axis by all others. Read in all threads.
  explicit RightFactor(const Source& source);

  std::int64_t steps() const { return steps_; }
  /// c += scale a b for a tile of c, which begins at `c` and whose rows lie `stride` values apart: `a` holds the tile's
  /// rows, (tile.rows, steps), and the tile's columns are b's. From any thread. Every value is the same whatever the
  /// tile.
  void add_product(const Tile& tile, float scale, const float* a, float* c, std::int64_t stride) const;

 private:
  float* panel(std::int64_t i) const;

  const ProductKernel* kernel_;
  std::int64_t steps_, columns_;
  AlignedFloats panels_;
};

}  // namespace sumi
