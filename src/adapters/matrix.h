#pragma once

#include <cstdint>
#include <vector>

#include "core/source.h"

namespace sumi {

/// Row-major float32.
struct Matrix {
  std::int64_t rows = 0, columns = 0;
  std::vector<float> values;

  Matrix(std::int64_t row_count, std::int64_t column_count)
      : rows(row_count), columns(column_count), values(static_cast<std::size_t>(row_count * column_count)) {}
  /// A tensor: its first axis by all others.
  explicit Matrix(const Source& source);

  float* row(std::int64_t i) { return values.data() + i * columns; }
  const float* row(std::int64_t i) const { return values.data() + i * columns; }
  Matrix transposed() const;
};

/// c += scale a b with a (m, k), b (k, n) and c (m, n), whose rows are `lda`, `ldb` and `ldc` values apart. In all
/// threads, or within a parallel region in the one that calls.
void add_product(std::int64_t m, std::int64_t n, std::int64_t k, float scale, const float* a, std::int64_t lda,
                 const float* b, std::int64_t ldb, float* c, std::int64_t ldc);

}  // namespace sumi
