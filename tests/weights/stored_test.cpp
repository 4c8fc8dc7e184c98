#include "weights/stored.h"

#include <gtest/gtest.h>

#include "support/scratch.h"

namespace sumi {
namespace {

SourcePtr counted(const Shape& shape) {
  std::vector<float> values(static_cast<std::size_t>(shape.elements()));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i);
  return values_source(shape, std::move(values));
}

/// What `read` and `read_stored` give of a float32 source, which must agree.
std::vector<float> both(const Source& source) {
  auto values = read_all(source);
  std::vector<float> stored(values.size());
  read_stored(source, 0, std::as_writable_bytes(std::span(stored)));
  EXPECT_EQ(stored, values);
  return values;
}

TEST(Stored, ViewsReorder) {
  const auto base = counted({3, 4});
  const auto turned = transposed_source(base);
  EXPECT_EQ(turned->shape(), (Shape{4, 3}));
  EXPECT_EQ(both(*turned), (std::vector<float>{0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11}));
  EXPECT_EQ(both(*transposed_source(turned)), read_all(*base));
  EXPECT_EQ(both(*part_source(base, 1, 3)), (std::vector<float>{4, 5, 6, 7}));
  EXPECT_EQ(same_source(base, {3, 4, 1, 1})->shape(), (Shape{3, 4, 1, 1}));
  EXPECT_EQ(both(*same_source(base, {12})), read_all(*base));
  EXPECT_EQ(both(*view_source(base, {2, 2}, {8, 3}, 0)), (std::vector<float>{0, 3, 8, 11}));
  std::vector<float> part(4);
  turned->read(5, part);
  EXPECT_EQ(part, (std::vector<float>{9, 2, 6, 10}));
  EXPECT_THROW(view_source(base, {2}, {12}, 0), Error);
  EXPECT_THROW(part_source(base, 0, 2), Error);
}

TEST(Stored, PartsOfAStackAreWhatWasStacked) {
  const std::vector<SourcePtr> parts{counted({2, 3}), same_source(counted({6}), {2, 3}), counted({2, 3})};
  const auto stack = stacked_source(parts);
  EXPECT_EQ(stack->shape(), (Shape{6, 3}));
  EXPECT_EQ(both(*stack), (std::vector<float>{0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5}));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(both(*part_source(stack, i, 3)), read_all(*parts[0]));
  std::vector<float> part(7);
  stack->read(4, part);
  EXPECT_EQ(part, (std::vector<float>{4, 5, 0, 1, 2, 3, 4}));
  EXPECT_THROW(stacked_source({counted({2}), counted({3})}), Error);
}

TEST(Stored, NothingIsInventedForOtherTypes) {
  const double value = 0.1;
  const auto source = memory_source({1}, DType::f64, reinterpret_cast<const std::byte*>(&value), nullptr);
  std::vector<std::byte> bytes(8);
  test::expect_error(ErrorCode::unsupported, "f64", [&] { read_stored(*source, 0, bytes); });
}

}  // namespace
}  // namespace sumi
