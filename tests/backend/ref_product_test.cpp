// conv2d and linear of the plain backend against values derived by hand and independent formulas.

#include <gtest/gtest.h>

#include "device.h"
#include "memory.h"
#include "ops/conv2d.h"
#include "ops/elementwise.h"
#include "ops/linear.h"

namespace sumi::test {
namespace {

using Floats = std::vector<float>;

double silu(double x) { return x / (1 + std::exp(-x)); }

TEST(RefConv2d, SumsItsNeighbours) {
  Device device;
  const Tensor x = device.tensor({1, 3, 3, 1}, {1, 2, 3, 4, 5, 6, 7, 8, 9});
  const Weight ones = weight({1, 1, 3, 3}, Floats(9, 1));
  EXPECT_EQ(device.values(conv2d(device.ctx, x, ones)), (Floats{12, 21, 16, 27, 45, 33, 24, 39, 28}));
  EXPECT_EQ(device.values(conv2d(device.ctx, x, ones, {.padding = {}})), Floats{45});
  EXPECT_EQ(device.values(conv2d(device.ctx, x, ones, {.stride = 2})), (Floats{12, 16, 24, 28}));
  EXPECT_EQ(device.values(conv2d(device.ctx, x, ones, {.stride = 2, .padding = {0, 0, 1, 1}})), Floats{45});
}

// The result for a single one at (row, column, channel) is the kernel itself, flipped: y[i,j,o] = w[o, channel,
// row - i * stride + top, column - j * stride + left] where that lies in the kernel.
void expect_flipped_kernel(std::int64_t stride, Conv2dOp::Padding padding) {
  constexpr std::int64_t batch = 2, height = 6, width = 5, in = 3, out = 4, row = 2, column = 3, channel = 1;
  Device device;
  Floats picture(batch * height * width * in);
  picture[((height + row) * width + column) * in + channel] = 1;  // of the second picture
  const Floats kernel = Random(7).normals(out * in * 9);
  const Tensor y = conv2d(device.ctx, device.tensor({batch, height, width, in}, picture),
                          weight({out, in, 3, 3}, kernel), {.stride = stride, .padding = padding});
  const Shape s = y.shape();
  const Floats values = device.values(y);
  std::size_t at = 0;
  for (std::int64_t n = 0; n < s[0]; ++n) {
    for (std::int64_t i = 0; i < s[1]; ++i) {
      for (std::int64_t j = 0; j < s[2]; ++j) {
        for (std::int64_t o = 0; o < s[3]; ++o) {
          const std::int64_t u = row - i * stride + padding.top, v = column - j * stride + padding.left;
          const bool inside = n == 1 && 0 <= u && u < 3 && 0 <= v && v < 3;
          const float expected = inside ? kernel[static_cast<std::size_t>(((o * in + channel) * 3 + u) * 3 + v)] : 0;
          ASSERT_EQ(values[at++], expected) << n << " " << i << " " << j << " " << o;
        }
      }
    }
  }
}

TEST(RefConv2d, OfADeltaIsTheKernel) {
  expect_flipped_kernel(1, {1, 1, 1, 1});
  expect_flipped_kernel(1, {});
  expect_flipped_kernel(2, {1, 1, 1, 1});
  expect_flipped_kernel(2, {0, 0, 1, 1});
  expect_flipped_kernel(1, {2, 0, 1, 3});
}

TEST(RefConv2d, AddsBiasAndRowBeforeAndResidualAfterTheActivation) {
  Device device;
  const Tensor x = device.tensor({2, 1, 1, 1}, {3, -2});
  const Tensor row = device.tensor({2, 2}, {0.25f, 0.5f, -1, 2});
  const Tensor residual = device.tensor({2, 1, 1, 2}, {10, 20, 30, 40});
  const Vector bias({0.125f, -4});
  const Floats y = device.values(
      conv2d(device.ctx, x, weight({2, 1, 1, 1}, {1, 2}),
             {.bias = &bias, .padding = {}, .row = row, .residual = residual, .activation = Activation::silu}));
  const Floats expected{static_cast<float>(silu(3 + 0.125 + 0.25) + 10), static_cast<float>(silu(6 - 4 + 0.5) + 20),
                        static_cast<float>(silu(-2 + 0.125 - 1) + 30), static_cast<float>(silu(-4 - 4 + 2) + 40)};
  EXPECT_EQ(y, expected);
}

TEST(RefConv2d, OfAnUpsampledInputIsThatOfItsRepeatedPixels) {
  Device device;
  Random random(4);
  const Tensor x = device.tensor({2, 3, 4, 5}, random.normals(2 * 3 * 4 * 5));
  const Weight w = weight({6, 5, 3, 3}, random.normals(6 * 5 * 9));
  const Tensor repeated = upsample(device.ctx, x, 6, 8);
  for (const std::int64_t stride : {1, 2}) {
    for (const Conv2dOp::Padding padding : {Conv2dOp::Padding{1, 1, 1, 1}, Conv2dOp::Padding{0, 2, 1, 0}}) {
      const Tensor y = conv2d(device.ctx, x, w, {.stride = stride, .padding = padding, .upsampled = true});
      const Tensor expected = conv2d(device.ctx, repeated, w, {.stride = stride, .padding = padding});
      EXPECT_EQ(y.shape(), expected.shape());
      EXPECT_EQ(device.values(y), device.values(expected));
    }
  }
}

TEST(RefConv2d, WithAKernelOfOneIsALinear) {
  Device device;
  Random random(3);
  const Floats x = random.normals(2 * 5 * 7 * 6), w = random.normals(9 * 6);
  EXPECT_EQ(device.values(conv2d(device.ctx, device.tensor({2, 5, 7, 6}, x), weight({9, 6, 1, 1}, w), {.padding = {}})),
            device.values(linear(device.ctx, device.tensor({70, 6}, x), weight({9, 6}, w))));
}

TEST(RefLinear, MultipliesRows) {
  Device device;
  const Tensor x = device.tensor({2, 3}, {1, 2, 3, -1, 0, 0.5f});
  const Weight w = weight({2, 3}, {1, 0, -1, 2, 4, 8});
  const Vector bias({100, 200});
  EXPECT_EQ(device.values(linear(device.ctx, x, w)), (Floats{-2, 34, -1.5f, 2}));
  EXPECT_EQ(device.values(linear(device.ctx, x, w, {.bias = &bias})), (Floats{98, 234, 98.5f, 202}));
  const Tensor residual = device.tensor({2, 2}, {1, 1, 1, 1});
  EXPECT_EQ(device.values(linear(device.ctx, x, w, {.residual = residual, .activation = Activation::relu})),
            (Floats{1, 35, 1, 3}));
}

TEST(RefLinear, KeepsLeadingAxes) {
  Device device;
  const Tensor x = device.tensor({2, 3, 1, 2}, Floats(12, 1));
  EXPECT_EQ(linear(device.ctx, x, weight({5, 2}, Floats(10, 1))).shape(), (Shape{2, 3, 1, 5}));
}

TEST(RefLinear, GatedIsValuesTimesActivatedGates) {
  Device device;
  Random random(5);
  constexpr std::int64_t rows = 11, in = 13, out = 17;
  const Tensor x = device.tensor({rows, in}, random.normals(rows * in));
  const Floats w = random.normals(2 * out * in), b = random.normals(2 * out);
  const Vector bias(b), value_bias(Floats(b.begin(), b.begin() + out)), gate_bias(Floats(b.begin() + out, b.end()));
  const Weight values = weight({out, in}, Floats(w.begin(), w.begin() + out * in));
  const Weight gates = weight({out, in}, Floats(w.begin() + out * in, w.end()));
  const Floats v = device.values(linear(device.ctx, x, values, {.bias = &value_bias}));
  const Floats g = device.values(linear(device.ctx, x, gates, {.bias = &gate_bias, .activation = Activation::gelu}));
  const Floats y = device.values(
      linear(device.ctx, x, weight({2 * out, in}, w), {.bias = &bias, .activation = Activation::gelu, .gated = true}));
  // Three roundings to float32 apart.
  for (std::size_t i = 0; i < y.size(); ++i) EXPECT_NEAR(y[i], v[i] * g[i], 3e-7f * std::abs(v[i] * g[i]) + 1e-12f);
}

// 1 + 2^-8 lies half way between two bf16 numbers; the 2^-40 more is lost in float32, and the tie would go to 1.
TEST(RefLinear, RoundsOnceWhenItStores) {
  Device device;
  const Tensor x = device.tensor({2, 3}, {1, 0x1p-8f, 0x1p-40f, -1, -0x1p-8f, 0});
  const Tensor y = linear(device.ctx, x, weight({1, 3}, {1, 1, 1}), {.type = DType::bf16});
  EXPECT_EQ(y.dtype(), DType::bf16);
  EXPECT_EQ(device.values(y), (Floats{1 + 0x1p-7f, -1}));
}

TEST(RefLinear, SumsInDouble) {
  Device device;
  const Tensor x = device.tensor({1, 3}, {0x1p30f, 1, -0x1p30f});
  EXPECT_EQ(device.values(linear(device.ctx, x, weight({1, 3}, {1, 1, 1}))), Floats{1});
}

}  // namespace
}  // namespace sumi::test
