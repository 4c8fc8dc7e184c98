#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/source.h"

namespace sumi {

/// Where a weight lies, seen as a matrix: the value at (r, c) is element rows[r] + columns[c]. Longer than the matrix
/// where a layout pads, which is filled with zeros.
struct PackedLayout {
  std::vector<std::int64_t> rows, columns;
};

struct RowRange {
  std::int64_t first, count;
};

/// Lays rows of a weight out anew, rounded to f32 or bf16. Reads every value once and writes it once, in all threads,
/// tiles of 64 rows at a time: 270 KiB a thread are all the memory that this takes.
void pack_matrix(const Source& source, const RowRange& rows, const PackedLayout& layout, DType type, std::byte* to);

}  // namespace sumi
