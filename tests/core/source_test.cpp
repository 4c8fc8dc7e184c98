#include "core/source.h"

#include <cstring>
#include <numeric>

#include <gtest/gtest.h>

#include "support/scratch.h"

namespace sumi::test {
namespace {

std::vector<float> counting(std::size_t n, float first) {
  std::vector<float> values(n);
  std::iota(values.begin(), values.end(), first);
  return values;
}

std::vector<float> range(const Source& source, std::int64_t first, std::size_t n) {
  std::vector<float> values(n, -1);
  source.read(first, values);
  return values;
}

TEST(Source, ReadsMemoryOfAnyTypeAndKeepsItsOwner) {
  auto owner = std::make_shared<std::vector<std::uint16_t>>(6);
  for (std::size_t i = 0; i < 6; ++i) (*owner)[i] = bf16(static_cast<float>(i) / 2).bits;
  const std::weak_ptr<std::vector<std::uint16_t>> watch = owner;
  const auto* data = reinterpret_cast<const std::byte*>(owner->data());
  SourcePtr source = memory_source({2, 3}, DType::bf16, data, std::move(owner));
  EXPECT_EQ(source->stored(), DType::bf16);
  EXPECT_EQ(source->shape(), (Shape{2, 3}));
  EXPECT_EQ(range(*source, 2, 3), (std::vector<float>{1, 1.5f, 2}));
  EXPECT_FALSE(watch.expired());
  source = nullptr;
  EXPECT_TRUE(watch.expired());
}

TEST(Source, OwnsValues) {
  const SourcePtr source = values_source({2, 2}, {1, 2, 3, 4});
  EXPECT_EQ(read_all(*source), (std::vector<float>{1, 2, 3, 4}));
  EXPECT_EQ(source->stored(), DType::f32);
  expect_error(ErrorCode::internal, "values_source: 3 values for shape 2x2", [] { values_source({2, 2}, {1, 2, 3}); });
}

TEST(Source, JoinsAlongTheFirstAxis) {
  const SourcePtr joined = joined_source({values_source({2, 3}, counting(6, 0)), values_source({1, 3}, counting(3, 6)),
                                          values_source({4, 3}, counting(12, 9))});
  EXPECT_EQ(joined->shape(), (Shape{7, 3}));
  EXPECT_EQ(read_all(*joined), counting(21, 0));
  for (std::int64_t first = 0; first <= 21; ++first) {
    for (std::size_t n = 0; first + static_cast<std::int64_t>(n) <= 21; ++n) {
      ASSERT_EQ(range(*joined, first, n), counting(n, static_cast<float>(first))) << first << " " << n;
    }
  }
}

TEST(Source, GivesItsColumnsAsRows) {
  const SourcePtr matrix = columns_source(values_source({2, 3}, counting(6, 0)));
  EXPECT_EQ(matrix->shape(), (Shape{3, 2}));
  EXPECT_EQ(read_all(*matrix), (std::vector<float>{0, 3, 1, 4, 2, 5}));
  EXPECT_EQ(range(*matrix, 1, 4), (std::vector<float>{3, 1, 4, 2}));
}

TEST(Source, GivesAConvolutionsColumnsInTheOrderOfPixels) {
  constexpr std::int64_t out = 2, in = 3, taps = 6;
  const SourcePtr columns = columns_source(values_source({out, in, 2, 3}, counting(out * in * taps, 0)));
  EXPECT_EQ(columns->shape(), (Shape{in * taps, out}));
  std::vector<float> expected;
  for (int tap = 0; tap < taps; ++tap) {
    for (int i = 0; i < in; ++i) {
      for (int o = 0; o < out; ++o) expected.push_back(static_cast<float>((o * in + i) * taps + tap));
    }
  }
  EXPECT_EQ(read_all(*columns), expected);
  // Tiles that begin and end within a tap, and of some columns.
  for (const auto& [row, rows] : {std::pair{0, 18}, {1, 4}, {2, 9}, {17, 1}}) {
    std::vector<float> tile(static_cast<std::size_t>(rows) * 5, -1);
    columns->read_tile({row, rows, 1, 1}, tile.data(), 5);
    for (int i = 0; i < rows; ++i) EXPECT_EQ(tile[i * 5], expected[(row + i) * 2 + 1]) << row << " " << i;
  }
}

TEST(Source, RefusesToJoinWhatDoesNotContinue) {
  expect_error(ErrorCode::internal, "joined_source: 2x4 does not continue 2x3", [] {
    joined_source({values_source({2, 3}, counting(6, 0)), values_source({2, 4}, counting(8, 0))});
  });
  expect_error(ErrorCode::internal, "joined_source: 6 does not continue 2x3", [] {
    joined_source({values_source({2, 3}, counting(6, 0)), values_source({6}, counting(6, 0))});
  });
}

TEST(Source, ReshapesWithoutMovingAnything) {
  const SourcePtr reshaped = reshaped_source(values_source({4, 3, 1, 1}, counting(12, 0)), {4, 3});
  EXPECT_EQ(reshaped->shape(), (Shape{4, 3}));
  EXPECT_EQ(range(*reshaped, 5, 4), counting(4, 5));
  expect_error(ErrorCode::internal, "reshaped_source: 5x3 from 4x3", [] {
    reshaped_source(values_source({4, 3}, counting(12, 0)), {5, 3});
  });
}

TEST(Source, PartsNest) {
  const SourcePtr inner = joined_source({values_source({1, 2}, {0, 1}), values_source({1, 2}, {2, 3})});
  const SourcePtr outer = joined_source({reshaped_source(inner, {4, 1}), values_source({2, 1}, {4, 5})});
  EXPECT_EQ(range(*outer, 1, 4), counting(4, 1));
}

}  // namespace
}  // namespace sumi::test
