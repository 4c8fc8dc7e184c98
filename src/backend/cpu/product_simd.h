#pragma once

#include <cstddef>

namespace sumi {

// What products of every instruction set offer. Files of one instruction set include nothing else, as norm_simd.h says.

struct ProductKernel {
  static constexpr std::ptrdiff_t most_rows = 64;

  std::ptrdiff_t columns;  ///< of a panel
  /// scale a as `add` takes it, aligned to a cache line; the rows of a lie next to each other.
  void (*turn)(std::ptrdiff_t rows, std::ptrdiff_t steps, float scale, const float* a, float* turned);
  /// c += a b, with up to `most_rows` rows of c that lie `c_row` floats apart: a as [step][most_rows], one panel of b
  /// as [step][columns], aligned to a cache line. A sum is made of fused multiplications in the order of steps, from
  /// zero, and then added to c: it does not depend on the tile that it is part of, or on the instruction set.
  void (*add)(std::ptrdiff_t rows, std::ptrdiff_t steps, const float* a, const float* b, float* c,
              std::ptrdiff_t c_row);
};

namespace avx2 {
extern const ProductKernel product;
}
namespace avx512 {
extern const ProductKernel product;
}

}  // namespace sumi
