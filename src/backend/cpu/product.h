#pragma once

#include <cstdint>

#include "core/aligned.h"
#include "core/source.h"

namespace sumi {

struct ProductKernel;

/// The right factor of products of matrices, (steps, columns), laid out for this processor.
class RightFactor {
 public:
  /// Its first axis by all others, for products that will be rounded to `type`. Read in all threads.
  explicit RightFactor(const Source& source, DType type = DType::f32);

  std::int64_t steps() const { return steps_; }
  /// c += scale a b for a tile of c, which begins at `c` and whose rows lie `stride` values apart: `a` holds the tile's
  /// rows, (tile.rows, steps), and the tile's columns are b's. From any thread. Every value is the same whatever the
  /// tile. In float32, or for bfloat16 with factors rounded as product_simd.h says, where the processor gains by that.
  void add_product(const Tile& tile, float scale, const float* a, float* c, std::int64_t stride) const;

 private:
  std::int64_t panel_floats() const;

  const ProductKernel* kernel_;
  std::int64_t steps_, columns_;
  AlignedFloats panels_;
};

}  // namespace sumi
