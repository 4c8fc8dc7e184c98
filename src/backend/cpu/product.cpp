#include "backend/cpu/product.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "backend/cpu/isa.h"
#include "backend/cpu/product_simd.h"
#include "core/threads.h"

namespace sumi {
namespace {

constexpr std::int64_t most_rows = ProductKernel::most_rows;

void add_plainly(std::ptrdiff_t rows, std::ptrdiff_t steps, const float* a, const float* b, float* c,
                 std::ptrdiff_t c_row) {
  constexpr std::ptrdiff_t columns = 16;
  for (std::ptrdiff_t i = 0; i < rows; ++i) {
    float sums[columns] = {};
    for (std::ptrdiff_t step = 0; step < steps; ++step) {
      for (std::ptrdiff_t j = 0; j < columns; ++j) sums[j] += a[step * most_rows + i] * b[step * columns + j];
    }
    for (std::ptrdiff_t j = 0; j < columns; ++j) c[i * c_row + j] += sums[j];
  }
}

void turn_plainly(std::ptrdiff_t rows, std::ptrdiff_t steps, float scale, const float* a, float* turned) {
  for (std::ptrdiff_t i = 0; i < rows; ++i) {
    for (std::ptrdiff_t step = 0; step < steps; ++step) turned[step * most_rows + i] = scale * a[i * steps + step];
  }
}

constexpr ProductKernel plain_product{16, turn_plainly, add_plainly};

const ProductKernel& kernel_of_processor() {
#if defined(__x86_64__)
  if (usable_isa() >= Isa::avx512) return avx512::product;
  if (usable_isa() >= Isa::avx2) return avx2::product;
#endif
  return plain_product;
}

}  // namespace

RightFactor::RightFactor(const Source& source)
    : kernel_(&kernel_of_processor()), steps_(source.shape()[0]), columns_(columns_of(source.shape())) {
  const std::int64_t width = kernel_->columns, panels = divide_up(columns_, width);
  panels_ = aligned_floats(static_cast<std::size_t>(panels * steps_ * width));
  // A thread reads 256 values of a row at once, and at least 2^13 in all.
  const std::int64_t least = std::max<std::int64_t>(1, divide_up(1 << 13, steps_ * width)), group = 256 / width;
  parallel_for(panels, std::max(least, group), [&](std::int64_t first, std::int64_t last) {
    std::vector<float> row(static_cast<std::size_t>(group * width));
    for (std::int64_t begin = first; begin < last; begin += group) {
      const std::int64_t end = std::min(begin + group, last);
      const std::int64_t column = begin * width, count = std::min(end * width, columns_) - column;
      for (std::int64_t step = 0; step < steps_; ++step) {
        source.read_tile({step, 1, column, count}, row.data(), count);
        for (std::int64_t i = begin; i < end; ++i) {
          std::memcpy(panel(i) + step * width, row.data() + (i - begin) * width,
                      static_cast<std::size_t>(width) * sizeof(float));
        }
      }
    }
  });
}

float* RightFactor::panel(std::int64_t i) const { return panels_.get() + i * steps_ * kernel_->columns; }

void RightFactor::add_product(const Tile& tile, float scale, const float* a, float* c, std::int64_t stride) const {
  const std::int64_t width = kernel_->columns, end = tile.column + tile.columns;
  const AlignedFloats turned = aligned_floats(static_cast<std::size_t>(steps_ * most_rows));
  std::vector<float> sums;  // of a panel of which the tile has not all columns
  for (std::int64_t row = 0; row < tile.rows; row += most_rows) {
    const std::int64_t rows = std::min(most_rows, tile.rows - row);
    kernel_->turn(rows, steps_, scale, a + row * steps_, turned.get());
    for (std::int64_t i = tile.column / width; i * width < end; ++i) {
      const std::int64_t from = std::max(tile.column, i * width), count = std::min(end, (i + 1) * width) - from;
      float* to = c + row * stride + from - tile.column;
      if (count == width) {
        kernel_->add(rows, steps_, turned.get(), panel(i), to, stride);
        continue;
      }
      sums.assign(static_cast<std::size_t>(most_rows * width), 0.0f);
      kernel_->add(rows, steps_, turned.get(), panel(i), sums.data(), width);
      for (std::int64_t r = 0; r < rows; ++r) {
        for (std::int64_t j = 0; j < count; ++j) to[r * stride + j] += sums[r * width + from - i * width + j];
      }
    }
  }
}

}  // namespace sumi
