#pragma once

#include <cstddef>

namespace sumi {

// What products of every instruction set offer. Files of one instruction set include nothing else, as norm_simd.h says.

/// Products of factors that were laid out in lines: panels of b, [line][columns], and rows of a, [line][most_rows],
/// each aligned to a cache line. What a line holds is the kernel's own: one step, or two steps rounded, or how far they
/// were.
struct ProductKernel {
  static constexpr std::ptrdiff_t most_rows = 64;

  std::ptrdiff_t columns;  ///< of a panel
  std::ptrdiff_t (*lines)(std::ptrdiff_t steps);
  /// A panel of b, whose steps lie `next` floats apart.
  void (*lay)(std::ptrdiff_t steps, const float* b, std::ptrdiff_t next, float* panel);
  /// scale a; the rows of a lie next to each other.
  void (*turn)(std::ptrdiff_t rows, std::ptrdiff_t steps, float scale, const float* a, float* turned);
  /// c += a b, with up to `most_rows` rows of c that lie `c_row` floats apart. A sum does not depend on the tile that
  /// it is part of: it is made in the order of steps, from zero, and then added to c.
  void (*add)(std::ptrdiff_t rows, std::ptrdiff_t steps, const float* turned, const float* panel, float* c,
              std::ptrdiff_t c_row);
};

namespace avx2 {
extern const ProductKernel product;
}
namespace avx512 {
extern const ProductKernel product;
}
namespace avx512vnni {
/// With factors rounded to whole numbers of 16 bits, two products an instruction. A sum is off by at most
/// steps / limit of the product of the row's and the column's largest magnitudes, where limit^2 steps < 2^31; by 2e-4
/// of it (root mean square) with 64 normally distributed steps. Rounding to bfloat16 is off by up to 2e-3.
extern const ProductKernel rounded_product;
}  // namespace avx512vnni
namespace neon {
extern const ProductKernel product;
}

}  // namespace sumi
