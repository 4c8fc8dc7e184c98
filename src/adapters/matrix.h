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

}  // namespace sumi
