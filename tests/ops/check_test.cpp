// Every check of the ops: the line it gives, with what was found and what was expected.

#include <gtest/gtest.h>

#include "backend/device.h"
#include "support/scratch.h"

namespace sumi::test {
namespace {

class Checks : public ::testing::Test {
 protected:
  Tensor zeros(Shape shape, DType type = DType::f32) { return device_.ctx.tensor(shape, type); }
  static Weight weights(Shape shape) {
    return weight(shape, std::vector<float>(static_cast<std::size_t>(shape.elements())));
  }
  static Vector vector(std::size_t n) { return Vector(std::vector<float>(n)); }
  template <class Call>
  void rejects(std::string_view text, Call&& call) {
    const Error error = error_of(std::forward<Call>(call));
    EXPECT_EQ(error.code(), ErrorCode::internal);
    EXPECT_EQ(error.what(), text);
  }

  Device device_;
  Context& ctx_ = device_.ctx;
};

TEST_F(Checks, Conv2d) {
  const Tensor x = zeros({2, 8, 9, 3});
  const Weight w = weights({4, 3, 3, 3});
  rejects("conv2d: input has 3 channels, weight wants 4", [&] { conv2d(ctx_, x, weights({5, 4, 3, 3})); });
  rejects("conv2d: input 8x9x3 and weight 4x3x3x3 are not pictures and a filter bank", [&] {
    conv2d(ctx_, zeros({8, 9, 3}), w);
  });
  rejects("conv2d: input 2x8x9x3 and weight 4x3x3x2 are not pictures and a filter bank", [&] {
    conv2d(ctx_, x, weights({4, 3, 3, 2}));
  });
  rejects("conv2d: input 2x8x9x3 and weight 4x3 are not pictures and a filter bank", [&] {
    conv2d(ctx_, x, weights({4, 3}));
  });
  rejects("conv2d: input 2x8x9x3 and weight 4x3x3x3 are not pictures and a filter bank", [&] {
    conv2d(ctx_, zeros({2, 8, 9, 6}).columns(0, 3), w);
  });
  rejects("conv2d: a stride of 0", [&] { conv2d(ctx_, x, w, {.stride = 0}); });
  const Vector bias = vector(3);
  rejects("conv2d: bias of 3 values, 4 outputs", [&] { conv2d(ctx_, x, w, {.bias = &bias}); });
  rejects("conv2d: row 4x2 f32, expected 2x4 f32", [&] { conv2d(ctx_, x, w, {.row = zeros({4, 2})}); });
  rejects("conv2d: row 2x4 bf16, expected 2x4 f32", [&] { conv2d(ctx_, x, w, {.row = zeros({2, 4}, DType::bf16)}); });
  rejects("conv2d: residual 2x8x9x3, output 2x8x9x4", [&] { conv2d(ctx_, x, w, {.residual = x}); });
}

TEST_F(Checks, Conv2dOfAPictureSmallerThanItsKernel) {
  const Weight w = weights({4, 3, 3, 3});
  for (const std::int64_t stride : {1, 2, 3}) {
    rejects("conv2d: input 1x2x5x3 is smaller than its kernel of 3", [&] {
      conv2d(ctx_, zeros({1, 2, 5, 3}), w, {.stride = stride, .padding = {}});
    });
    rejects("conv2d: input 1x5x1x3 is smaller than its kernel of 3", [&] {
      conv2d(ctx_, zeros({1, 5, 1, 3}), w, {.stride = stride, .padding = {.right = 1}});
    });
  }
  EXPECT_EQ(conv2d(ctx_, zeros({1, 2, 2, 3}), w, {.stride = 2, .padding = {0, 0, 1, 1}}).shape(), (Shape{1, 1, 1, 4}));
}

TEST_F(Checks, Linear) {
  const Tensor x = zeros({2, 7, 3});
  rejects("linear: input has 3 channels, weight wants 5", [&] { linear(ctx_, x, weights({4, 5})); });
  rejects("linear: input 2x7x3 and weight 4x3x1 are not rows and a matrix", [&] {
    linear(ctx_, x, weights({4, 3, 1}));
  });
  rejects("linear: input 2x7x3 and weight 4x3 are not rows and a matrix", [&] {
    linear(ctx_, zeros({2, 7, 6}).columns(3, 6), weights({4, 3}));
  });
  rejects("linear: a gated weight has 5 rows, an odd number", [&] {
    linear(ctx_, x, weights({5, 3}), {.gated = true});
  });
  const Vector bias = vector(2);
  rejects("linear: bias of 2 values, weight of 4 rows", [&] {
    linear(ctx_, x, weights({4, 3}), {.bias = &bias, .gated = true});
  });
  rejects("linear: residual 2x7x4, output 2x7x2", [&] {
    linear(ctx_, x, weights({4, 3}), {.residual = zeros({2, 7, 4}), .gated = true});
  });
}

TEST_F(Checks, Norms) {
  const Tensor x = zeros({2, 4, 6});
  rejects("group_norm: input 2x4x6, 6 scales and 5 shifts",
          [&] { group_norm(ctx_, x, vector(6), vector(5), 2, 1e-5); });
  rejects("group_norm: input 4x6, 6 scales and 6 shifts", [&] {
    group_norm(ctx_, zeros({4, 6}), vector(6), vector(6), 2, 1e-5);
  });
  rejects("group_norm: 6 channels in 4 groups", [&] { group_norm(ctx_, x, vector(6), vector(6), 4, 1e-5); });
  rejects("group_norm: 6 channels in 0 groups", [&] { group_norm(ctx_, x, vector(6), vector(6), 0, 1e-5); });
  rejects("layer_norm: input 2x4x6, 7 scales and 6 shifts", [&] { layer_norm(ctx_, x, vector(7), vector(6), 1e-5); });
}

TEST_F(Checks, Attention) {
  const Tensor q = zeros({2, 5, 12}), k = zeros({2, 7, 12});
  rejects("attention: queries 2x5x12, keys 2x7x12, values 2x5x12", [&] { attention(ctx_, q, k, q, 2); });
  rejects("attention: queries 1x5x12, keys 2x7x12, values 2x7x12", [&] {
    attention(ctx_, zeros({1, 5, 12}), k, k, 2);
  });
  rejects("attention: queries 5x12, keys 2x7x12, values 2x7x12", [&] { attention(ctx_, zeros({5, 12}), k, k, 2); });
  rejects("attention: 12 channels in 5 heads", [&] { attention(ctx_, q, k, k, 5); });
  rejects("attention: 12 channels in 0 heads", [&] { attention(ctx_, q, k, k, 0); });
  rejects("attention: q f32, k bf16, v bf16", [&] {
    attention(ctx_, q, zeros({2, 7, 12}, DType::bf16), zeros({2, 7, 12}, DType::bf16), 2);
  });
  rejects("attention: causal with 5 queries and 7 keys", [&] { attention(ctx_, q, k, k, 2, {.causal = true}); });
}

TEST_F(Checks, Elementwise) {
  rejects("activate: 3x2 is a view of columns", [&] { activate(ctx_, zeros({3, 4}).columns(0, 2), Activation::silu); });
  const Tensor x = zeros({3, 4});
  const std::vector<Term> none, many(9, Term{1, x}), shapes{{1, x}, {1, zeros({4, 3})}},
      types{{1, x}, {1, zeros({3, 4}, DType::bf16)}}, one{{1, x}};
  rejects("combine: 0 terms, expected 1 to 8", [&] { combine(ctx_, none); });
  rejects("combine: 9 terms, expected 1 to 8", [&] { combine(ctx_, many); });
  rejects("combine: 3x4 f32 and 4x3 f32", [&] { combine(ctx_, shapes); });
  rejects("combine: 3x4 f32 and 3x4 bf16", [&] { combine(ctx_, types); });
  rejects("combine: 3x4 into 12", [&] { combine(ctx_, one, {.into = zeros({12})}); });
  rejects("guide: 3x4 does not hold two halves of predictions", [&] { guide(ctx_, x, 7.5); });
  rejects("guide: 4 does not hold two halves of predictions", [&] { guide(ctx_, zeros({4}), 7.5); });
}

TEST_F(Checks, Embeddings) {
  const Weight tokens = weights({10, 4});
  rejects("embedding: ids 2x3, table 10x4, 8 position values", [&] {
    embedding(ctx_, zeros({2, 3}, DType::i32), tokens, vector(8));
  });
  rejects("embedding: ids 2x3, table 10x4, 13 position values", [&] {
    embedding(ctx_, zeros({2, 3}, DType::i32), tokens, vector(13));
  });
  rejects("embedding: ids 2x3, table 10x4, 12 position values", [&] {
    embedding(ctx_, zeros({2, 3}), tokens, vector(12));
  });
  rejects("embedding: ids 2x3, table 10x0, 12 position values", [&] {
    embedding(ctx_, zeros({2, 3}, DType::i32), weights({10, 0}), vector(12));
  });
  rejects("sinusoid: input 2x1 f32, 8 channels", [&] { sinusoid(ctx_, zeros({2, 1}), 8); });
  rejects("sinusoid: input 2 bf16, 8 channels", [&] { sinusoid(ctx_, zeros({2}, DType::bf16), 8); });
  rejects("sinusoid: input 2 f32, 7 channels", [&] { sinusoid(ctx_, zeros({2}), 7); });
}

TEST_F(Checks, Noise) {
  const std::vector<PhiloxDraw> draws(2);
  rejects("noise: 2 draws for 3x4x4x4", [&] { draw_noise(ctx_, draws, {3, 4, 4, 4}); });
  rejects("noise: 2 draws for 2x16x4", [&] { draw_noise(ctx_, draws, {2, 16, 4}); });
}

TEST_F(Checks, Layouts) {
  rejects("concat: 2x3 f32 and 3x3 f32", [&] { concat(ctx_, zeros({2, 3}), zeros({3, 3})); });
  rejects("concat: 2x3 f32 and 2x3 bf16", [&] { concat(ctx_, zeros({2, 3}), zeros({2, 3}, DType::bf16)); });
  rejects("concat: 2x3 f32 and 1x2x3 f32", [&] { concat(ctx_, zeros({2, 3}), zeros({1, 2, 3})); });
  rejects("upsample: 2x3x4 to 6x8", [&] { upsample(ctx_, zeros({2, 3, 4}), 6, 8); });
  rejects("upsample: 1x2x3x4 to 0x8", [&] { upsample(ctx_, zeros({1, 2, 3, 4}), 0, 8); });
}

TEST_F(Checks, UploadsAndDownloads) {
  rejects("upload: 3 values for 2x2", [&] { ctx_.upload(std::vector<float>(3), {2, 2}); });
  rejects("upload: 3 values for 2x2", [&] { ctx_.upload(std::vector<std::int32_t>(3), {2, 2}); });
  rejects("download: 3x2 is a view of columns", [&] { ctx_.download(zeros({3, 4}).columns(1, 3)); });
}

}  // namespace
}  // namespace sumi::test
