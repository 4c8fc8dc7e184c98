// Products of an adapter's factors: against sums in double, and the same values whatever the tile.

#include <gtest/gtest.h>

#include "backend/cpu/product.h"
#include "core/threads.h"
#include "problem.h"

namespace sumi::test {
namespace {

struct Product {
  std::int64_t rows, steps, columns;
  std::vector<float> a, b, c;

  Product(std::int64_t m, std::int64_t k, std::int64_t n) : rows(m), steps(k), columns(n) {
    Random random(static_cast<unsigned>(m + 7 * k + 31 * n));
    a = random.normals(m * k);
    b = random.normals(k * n);
    c = random.normals(m * n);
  }
  RightFactor right() const { return RightFactor(*values_source({steps, columns}, b)); }
  std::vector<float> whole(const RightFactor& factor, float scale) const {
    std::vector<float> sum = c;
    factor.add_product({0, rows, 0, columns}, scale, a.data(), sum.data(), columns);
    return sum;
  }
};

const Product products[] = {{1, 1, 1},     {3, 5, 31},      {64, 64, 64}, {65, 16, 33},
                            {130, 4, 257}, {17, 320, 1000}, {14, 1, 48}};

TEST(CpuProduct, AgreesWithSumsInDouble) {
  for (const Product& p : products) {
    const auto sum = p.whole(p.right(), 0.7f);
    for (std::int64_t i = 0; i < p.rows; ++i) {
      for (std::int64_t j = 0; j < p.columns; ++j) {
        double expected = p.c[i * p.columns + j], size = std::abs(expected);
        for (std::int64_t k = 0; k < p.steps; ++k) {
          const double each = 0.7f * static_cast<double>(p.a[i * p.steps + k]) * p.b[k * p.columns + j];
          expected += each;
          size += std::abs(each);
        }
        ASSERT_NEAR(sum[i * p.columns + j], expected, 1e-6 * size) << p.rows << "x" << p.steps << "x" << p.columns;
      }
    }
  }
}

TEST(CpuProduct, EveryTileGivesTheSameValues) {
  for (const Product& p : products) {
    const RightFactor factor = p.right();
    const auto whole = p.whole(factor, -1.3f);
    for (const auto& [height, width] : {std::pair(1, 1), std::pair(7, 40), std::pair(64, 32), std::pair(100, 19)}) {
      const std::int64_t stride = width + 3;
      for (std::int64_t row = 0; row < p.rows; row += height) {
        for (std::int64_t column = 0; column < p.columns; column += width) {
          const Tile tile{row, std::min<std::int64_t>(height, p.rows - row), column,
                          std::min<std::int64_t>(width, p.columns - column)};
          std::vector<float> values(static_cast<std::size_t>(tile.rows * stride), 5.0f);
          for (std::int64_t i = 0; i < tile.rows; ++i) {
            std::copy_n(p.c.begin() + (row + i) * p.columns + column, tile.columns, values.begin() + i * stride);
          }
          factor.add_product(tile, -1.3f, p.a.data() + row * p.steps, values.data(), stride);
          for (std::int64_t i = 0; i < tile.rows * stride; ++i) {
            const std::int64_t j = i % stride;
            ASSERT_EQ(values[i], j < tile.columns ? whole[(row + i / stride) * p.columns + column + j] : 5.0f);
          }
        }
      }
    }
  }
}

TEST(CpuProduct, ThreadsReadTheSameFactor) {
  const int before = threads();
  const Product p(70, 33, 3000);
  const auto expected = p.whole(p.right(), 1);
  for (const int count : {1, 2, 5}) {
    set_threads(count);
    EXPECT_EQ(p.whole(p.right(), 1), expected);
  }
  set_threads(before);
}

}  // namespace
}  // namespace sumi::test
