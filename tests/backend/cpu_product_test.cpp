// Products of an adapter's factors: against sums in double, and the same values whatever the tile.

#include <cmath>
#include <limits>

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
  RightFactor right(DType type) const { return RightFactor(*values_source({steps, columns}, b), type); }
  std::vector<float> whole(const RightFactor& factor, float scale) const {
    std::vector<float> sum = c;
    factor.add_product({0, rows, 0, columns}, scale, a.data(), sum.data(), columns);
    return sum;
  }
};

const Product products[] = {{1, 1, 1},     {3, 5, 31},      {64, 64, 64}, {65, 16, 33},
                            {130, 4, 257}, {17, 320, 1000}, {14, 1, 48},  {3, 700, 64}};

class CpuProduct : public ::testing::TestWithParam<DType> {};
INSTANTIATE_TEST_SUITE_P(Types, CpuProduct, ::testing::Values(DType::f32, DType::bf16),
                         [](const auto& type) { return std::string(name_of(type.param)); });

/// What rounding to 16 bits may add to each product: half a step of either factor, the largest being `limit` steps.
double rounding_error(const Product& p, std::int64_t i, std::int64_t j) {
  double row = 0, column = 0;
  for (std::int64_t k = 0; k < p.steps; ++k) {
    row = std::max<double>(row, std::abs(p.a[i * p.steps + k]));
    column = std::max<double>(column, std::abs(p.b[k * p.columns + j]));
  }
  const double limit = std::min(32767.0, std::floor(std::sqrt(0x1p31 / static_cast<double>(p.steps))));
  return row * column / limit * (1 + 1 / limit);
}

TEST_P(CpuProduct, AgreesWithSumsInDouble) {
  for (const Product& p : products) {
    const auto sum = p.whole(p.right(GetParam()), 0.7f);
    for (std::int64_t i = 0; i < p.rows; ++i) {
      for (std::int64_t j = 0; j < p.columns; ++j) {
        double expected = p.c[i * p.columns + j], size = std::abs(expected);
        for (std::int64_t k = 0; k < p.steps; ++k) {
          const double each = 0.7f * static_cast<double>(p.a[i * p.steps + k]) * p.b[k * p.columns + j];
          expected += each;
          size += std::abs(each);
        }
        double bound = 1e-6 * size;
        if (GetParam() == DType::bf16) bound += 0.7 * static_cast<double>(p.steps) * rounding_error(p, i, j);
        ASSERT_NEAR(sum[i * p.columns + j], expected, bound) << p.rows << "x" << p.steps << "x" << p.columns;
      }
    }
  }
}

TEST(CpuProductRounding, IsHiddenByThatOfBf16) {
  Product p(64, 64, 640);
  std::fill(p.c.begin(), p.c.end(), 0.0f);
  const auto exact = p.whole(p.right(DType::f32), 1), rounded = p.whole(p.right(DType::bf16), 1);
  double error = 0, size = 0;
  for (std::size_t i = 0; i < exact.size(); ++i) {
    error += std::pow(static_cast<double>(rounded[i]) - exact[i], 2);
    size += std::pow(static_cast<double>(exact[i]), 2);
  }
  EXPECT_LT(std::sqrt(error / size), 2e-4);
}

TEST_P(CpuProduct, WhatIsNotFiniteStaysInItsRowOrColumn) {
  constexpr float infinity = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  Product p(20, 9, 40);
  p.a[3 * 9 + 5] = nan;
  p.a[17 * 9 + 2] = infinity;
  p.b[7 * 40 + 33] = -infinity;
  p.b[4 * 40 + 12] = nan;
  const auto sum = p.whole(p.right(GetParam()), 1);
  for (std::int64_t i = 0; i < 20; ++i) {
    for (std::int64_t j = 0; j < 40; ++j) {
      const bool spoilt = i == 3 || i == 17 || j == 33 || j == 12;
      EXPECT_EQ(std::isfinite(sum[i * 40 + j]), !spoilt) << i << ", " << j;
    }
  }
}

TEST_P(CpuProduct, FactorsOfZerosAddNothing) {
  Product p(5, 6, 50);
  std::fill_n(p.a.begin() + 2 * 6, 6, 0.0f);
  for (std::int64_t k = 0; k < 6; ++k) p.b[k * 50 + 20] = 0;
  const auto sum = p.whole(p.right(GetParam()), 3);
  for (std::int64_t j = 0; j < 50; ++j) EXPECT_EQ(sum[2 * 50 + j], p.c[2 * 50 + j]);
  for (std::int64_t i = 0; i < 5; ++i) EXPECT_EQ(sum[i * 50 + 20], p.c[i * 50 + 20]);
}

// Sums come as near to 2^31 as they may.
TEST_P(CpuProduct, LargestSumsDoNotWrap) {
  for (const std::int64_t steps : {1, 2, 8, 50, 64, 512}) {
    Product p(3, steps, 20);
    std::fill(p.a.begin(), p.a.end(), -1.0f);
    std::fill(p.b.begin(), p.b.end(), 1.0f);
    std::fill(p.c.begin(), p.c.end(), 0.0f);
    for (const float sum : p.whole(p.right(GetParam()), 1)) {
      EXPECT_NEAR(sum, -static_cast<float>(steps), 1e-6 * static_cast<double>(steps));
    }
  }
}

TEST_P(CpuProduct, EveryTileGivesTheSameValues) {
  for (const Product& p : products) {
    const RightFactor factor = p.right(GetParam());
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

TEST_P(CpuProduct, ThreadsReadTheSameFactor) {
  const int before = threads();
  const Product p(70, 33, 3000);
  const auto expected = p.whole(p.right(GetParam()), 1);
  for (const int count : {1, 2, 5}) {
    set_threads(count);
    EXPECT_EQ(p.whole(p.right(GetParam()), 1), expected);
  }
  set_threads(before);
}

}  // namespace
}  // namespace sumi::test
