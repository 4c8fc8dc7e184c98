#include "core/tensor.h"

#include <numeric>
#include <vector>

#include <gtest/gtest.h>

#include "support/scratch.h"

namespace sumi::test {
namespace {

TEST(Shape, CountsAndPrints) {
  const Shape shape{2, 64, 64, 320};
  EXPECT_EQ(shape.rank(), 4);
  EXPECT_EQ(shape.elements(), 2 * 64 * 64 * 320);
  EXPECT_EQ(shape.text(), "2x64x64x320");
  EXPECT_EQ(shape[-1], 320);
  EXPECT_EQ(shape[0], 2);
  EXPECT_EQ(Shape().elements(), 1);
  EXPECT_EQ((Shape{3, 0, 5}.elements()), 0);
}

TEST(Shape, ComparesByRankAndExtents) {
  EXPECT_EQ((Shape{2, 3}), (Shape{2, 3}));
  EXPECT_NE((Shape{2, 3}), (Shape{3, 2}));
  EXPECT_NE((Shape{2, 3}), (Shape{2, 3, 1}));
  EXPECT_NE((Shape{2}), (Shape{2, 0}));
}

TEST(Shape, RefusesWhatIsNotASize) {
  constexpr std::int64_t big = std::int64_t{1} << 32;
  expect_error(ErrorCode::internal, "shape: 4294967296x4294967296 is not a size", [] {
    static_cast<void>(Shape{big, big}.elements());
  });
  expect_error(ErrorCode::internal, "shape: 2x-3 is not a size", [] { static_cast<void>(Shape{2, -3}.elements()); });
  expect_error(ErrorCode::internal, "shape: 6 axes, at most 5 are supported", [] { Shape{1, 2, 3, 4, 5, 6}; });
  expect_error(ErrorCode::internal, "shape: axis 2 of a shape of 2 axes", [] { static_cast<void>(Shape{1, 2}[2]); });
  expect_error(ErrorCode::internal, "shape: axis -3 of a shape of 2 axes", [] { static_cast<void>(Shape{1, 2}[-3]); });
}

class Views : public ::testing::Test {
 protected:
  Views() : values_(24) {
    std::iota(values_.begin(), values_.end(), 0.0f);
    x_ = Tensor::wrap(values_.data(), {2, 3, 4}, DType::f32);
  }
  std::vector<float> values_;
  Tensor x_;
};

TEST_F(Views, KnowTheirMemory) {
  EXPECT_TRUE(x_);
  EXPECT_FALSE(Tensor());
  EXPECT_EQ(x_.elements(), 24);
  EXPECT_EQ(x_.rows(), 6);
  EXPECT_EQ(x_.bytes(), 96u);
  EXPECT_EQ(x_.row_stride(), 4);
  EXPECT_TRUE(x_.contiguous());
  EXPECT_EQ(x_.data<float>()[23], 23);
  expect_error(ErrorCode::internal, "tensor: holds f32, asked for bf16", [&] { x_.data<bf16>(); });
}

TEST_F(Views, ReshapeKeepsTheOrder) {
  const Tensor view = x_.reshape({6, 4});
  EXPECT_EQ(view.raw(), x_.raw());
  EXPECT_EQ(view.shape(), (Shape{6, 4}));
  EXPECT_EQ(x_.reshape({24}).row_stride(), 24);
  expect_error(ErrorCode::internal, "reshape: 2x3x4 cannot become 5x5", [&] { x_.reshape({5, 5}); });
}

TEST_F(Views, SliceTakesTheFirstAxis) {
  const Tensor second = x_.slice(1, 2);
  EXPECT_EQ(second.shape(), (Shape{1, 3, 4}));
  EXPECT_EQ(second.data<float>()[0], 12);
  EXPECT_TRUE(second.contiguous());
  EXPECT_EQ(x_.slice(2, 2).elements(), 0);
  const Tensor part = x_.reshape({24}).slice(5, 9);
  EXPECT_EQ(part.data<float>()[0], 5);
  EXPECT_TRUE(part.contiguous());
  EXPECT_EQ(part.rows(), 1);
  EXPECT_EQ(part.reshape({2, 2}).data<float>()[3], 8);
  expect_error(ErrorCode::internal, "slice: 1 to 3 of 2x3x4", [&] { x_.slice(1, 3); });
  expect_error(ErrorCode::internal, "slice: -1 to 1 of 2x3x4", [&] { x_.slice(-1, 1); });
  expect_error(ErrorCode::internal, "slice: 2 to 1 of 2x3x4", [&] { x_.slice(2, 1); });
}

TEST_F(Views, ColumnsLeaveRowsWhereTheyAre) {
  const Tensor view = x_.columns(1, 3);
  EXPECT_EQ(view.shape(), (Shape{2, 3, 2}));
  EXPECT_EQ(view.row_stride(), 4);
  EXPECT_FALSE(view.contiguous());
  EXPECT_EQ(view.data<float>()[view.row_stride()], 5);
  EXPECT_EQ(view.columns(1, 2).data<float>()[0], 2);
  EXPECT_TRUE(x_.columns(0, 4).contiguous());
  expect_error(ErrorCode::internal, "reshape: 2x3x2 cannot become 12", [&] { view.reshape({12}); });
  expect_error(ErrorCode::internal, "slice: 0 to 1 of 2x3x2", [&] { view.slice(0, 1); });
  expect_error(ErrorCode::internal, "columns: 2 to 5 of 2x3x4", [&] { x_.columns(2, 5); });
}

TEST(Tensor, HoldsItsBlockAsLongAsAnyView) {
  Arena arena = Arena::dry();
  Tensor x(arena, {10, 10}, DType::bf16);
  EXPECT_EQ(arena.used(), 256u);
  const Tensor view = x.slice(0, 2).columns(0, 3);
  x = {};
  EXPECT_EQ(arena.used(), 256u);
  EXPECT_EQ(view.raw(), nullptr);
  EXPECT_EQ(view.shape(), (Shape{2, 3}));
}

}  // namespace
}  // namespace sumi::test
