#include "backend/cpu/product.h"

#include <algorithm>
#include <cmath>
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

void lay_plainly(std::ptrdiff_t steps, const float* b, std::ptrdiff_t next, float* panel) {
  for (std::ptrdiff_t step = 0; step < steps; ++step) std::copy_n(b + step * next, 16, panel + step * 16);
}

void turn_plainly(std::ptrdiff_t rows, std::ptrdiff_t steps, float scale, const float* a, float* turned) {
  for (std::ptrdiff_t i = 0; i < rows; ++i) {
    for (std::ptrdiff_t step = 0; step < steps; ++step) turned[step * most_rows + i] = scale * a[i * steps + step];
  }
}

constexpr ProductKernel plain_product{16, [](std::ptrdiff_t steps) { return steps; }, lay_plainly, turn_plainly,
                                      add_plainly};

/// 11 bits are left to each of as many rounded steps, as float16 has.
constexpr std::int64_t most_rounded_steps = 512;

const ProductKernel& kernel_for([[maybe_unused]] std::int64_t steps, [[maybe_unused]] DType type) {
#if defined(__x86_64__)
  const bool rounds = type == DType::bf16 && steps <= most_rounded_steps;
  if (rounds && usable_isa() >= Isa::avx512vnni) return avx512vnni::rounded_product;
  if (usable_isa() >= Isa::avx512) return avx512::product;
  if (usable_isa() >= Isa::avx2) return avx2::product;
#elif defined(__aarch64__)
  if (usable_isa() >= Isa::neon) return neon::product;
#endif
  return plain_product;
}

}  // namespace

RightFactor::RightFactor(const Source& source, DType type)
    : kernel_(&kernel_for(source.shape()[0], type)), steps_(source.shape()[0]), columns_(columns_of(source.shape())) {
  const std::int64_t width = kernel_->columns, panels = divide_up(columns_, width);
  panels_ = aligned_floats(static_cast<std::size_t>(panels * panel_floats()));
  // A thread reads 256 values of a row at once, and at least 2^13 in all.
  const std::int64_t least = std::max<std::int64_t>(1, divide_up(1 << 13, steps_ * width)), group = 256 / width;
  parallel_for(panels, std::max(least, group), [&](std::int64_t first, std::int64_t last) {
    const std::int64_t next = group * width;
    std::vector<float> rows(static_cast<std::size_t>(steps_ * next));
    for (std::int64_t begin = first; begin < last; begin += group) {
      const std::int64_t end = std::min(begin + group, last);
      const std::int64_t column = begin * width, count = std::min(end * width, columns_) - column;
      source.read_tile({0, steps_, column, count}, rows.data(), next);
      for (std::int64_t i = begin; i < end; ++i) {
        kernel_->lay(steps_, rows.data() + (i - begin) * width, next, panels_.get() + i * panel_floats());
      }
    }
  });
}

std::int64_t RightFactor::panel_floats() const { return kernel_->lines(steps_) * kernel_->columns; }

void RightFactor::add_product(const Tile& tile, float scale, const float* a, float* c, std::int64_t stride) const {
  const std::int64_t width = kernel_->columns, end = tile.column + tile.columns;
  const AlignedFloats turned = aligned_floats(static_cast<std::size_t>(kernel_->lines(steps_) * most_rows));
  std::vector<float> whole;  // rows of a panel of which the tile has not all columns
  for (std::int64_t row = 0; row < tile.rows; row += most_rows) {
    const std::int64_t rows = std::min(most_rows, tile.rows - row);
    kernel_->turn(rows, steps_, scale, a + row * steps_, turned.get());
    for (std::int64_t i = tile.column / width; i * width < end; ++i) {
      const float* panel = panels_.get() + i * panel_floats();
      const std::int64_t from = std::max(tile.column, i * width), count = std::min(end, (i + 1) * width) - from;
      float* to = c + row * stride + from - tile.column;
      if (count == width) {
        kernel_->add(rows, steps_, turned.get(), panel, to, stride);
        continue;
      }
      whole.assign(static_cast<std::size_t>(most_rows * width), 0.0f);
      float* part = whole.data() + from - i * width;
      for (std::int64_t r = 0; r < rows; ++r) std::copy_n(to + r * stride, count, part + r * width);
      kernel_->add(rows, steps_, turned.get(), panel, whole.data(), width);
      for (std::int64_t r = 0; r < rows; ++r) std::copy_n(part + r * width, count, to + r * stride);
    }
  }
}

}  // namespace sumi
