#pragma once

#include <cstddef>
#include <cstdint>

namespace sumi {

// What packing of every instruction set offers. Files of one instruction set include nothing else, as norm_simd.h says.

/// Values of a matrix, whose rows lie `stride` floats apart. Columns may be read up to the next multiple of 16.
struct PackTile {
  const float* values;
  std::ptrdiff_t stride, rows, columns;
};

/// to[column_at[c] + r] = the value at (r, c), rounded to the type of the function's name: rows that follow each other
/// end up side by side.
struct PackKernel {
  void (*f32)(const PackTile& tile, const std::int64_t* column_at, void* to);
  /// The same past the caches, for memory that nobody reads soon: `to`, `column_at` and rows are multiples of a cache
  /// line of 16 floats.
  void (*f32_streamed)(const PackTile& tile, const std::int64_t* column_at, void* to);
  void (*bf16)(const PackTile& tile, const std::int64_t* column_at, void* to);
  /// Rounds a row to words of two bf16, of values that lie `gap` apart, each two times as many as the one before it:
  /// its first half then holds words, as many as a pair of gaps has values in its first, pair by pair.
  void (*pairs)(float* row, std::ptrdiff_t columns, std::ptrdiff_t gap);
};

namespace avx2 {
extern const PackKernel pack;
}
namespace avx512 {
extern const PackKernel pack;
}
namespace neon {
extern const PackKernel pack;
}

}  // namespace sumi
