#include <cmath>
#include <random>

#include <gtest/gtest.h>

#include "nn/on_host.h"
#include "nn/resnet.h"
#include "nn/time_embedding.h"
#include "nn/transformer.h"
#include "support/fixture.h"

namespace sumi::test {
namespace {

std::vector<float> random_values(std::size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(count);
  for (float& value : values) value = normal(random);
  return values;
}

SourcePtr constant(const Shape& shape, float value) {
  return values_source(shape, std::vector<float>(static_cast<std::size_t>(shape.elements()), value));
}

Loader loader_of(TensorMap tensors) { return Loader(std::make_shared<Checkpoint>("test", std::move(tensors))); }

Tensor random_tensor(Context& ctx, const Shape& shape, unsigned seed = 1) {
  return ctx.upload(random_values(static_cast<std::size_t>(shape.elements()), seed), shape);
}

class Layers : public testing::Test {
 protected:
  std::vector<float> run_here(const Body& body) { return run(*backend_, body); }

  std::unique_ptr<Backend> backend_ = make_ref_backend();
  Loader loader_{synthetic_checkpoint(DType::f32)};
};

// One linear for q, k and v, and one for k and v of a prompt, must be the three and two that the checkpoint holds.
TEST_F(Layers, JoinedLinearsAreTheirParts) {
  const Linear joined(loader_, {"to_q", "to_k", "to_v"}, 6, 4);
  const auto all = run_here([&](Context& ctx) { return joined(ctx, random_tensor(ctx, {3, 6})); });
  for (std::size_t part = 0; part < 3; ++part) {
    const char* names[] = {"to_q", "to_k", "to_v"};
    const Linear one(loader_.at(names[part]), 6, 4);
    const auto values = run_here([&](Context& ctx) { return one(ctx, random_tensor(ctx, {3, 6})); });
    for (std::size_t row = 0; row < 3; ++row) {
      for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(all[row * 12 + part * 4 + i], values[row * 4 + i]);
    }
  }
}

TEST_F(Layers, SelfAttentionIsItsFormula) {
  const std::int64_t tokens = 5, channels = 8, heads = 2;
  const SelfAttention layer(loader_, channels, heads);
  const auto actual = run_here([&](Context& ctx) {
    return layer(ctx, random_tensor(ctx, {1, tokens, channels}), random_tensor(ctx, {1, tokens, channels}, 2));
  });
  const Linear q(loader_.at("to_q"), 8, 8, false), k(loader_.at("to_k"), 8, 8, false),
      v(loader_.at("to_v"), 8, 8, false);
  const auto expected = run_here([&](Context& ctx) {
    const Tensor x = random_tensor(ctx, {1, tokens, channels});
    const Tensor y = attention(ctx, q(ctx, x), k(ctx, x), v(ctx, x), heads);
    return layer.out(ctx, y, {.residual = random_tensor(ctx, {1, tokens, channels}, 2)});
  });
  EXPECT_LT(largest_difference(actual, expected), 1e-6);
}

// A prompt of one token: whatever the scores, its value is the answer, so y = out(v) + residual for every pixel.
TEST_F(Layers, CrossAttentionToOneTokenIsItsValue) {
  const CrossAttention layer(loader_, 8, 6, 2);
  const auto actual = run_here([&](Context& ctx) {
    const KeyValue prompt = layer.prepare(ctx, random_tensor(ctx, {1, 1, 6}));
    return layer(ctx, random_tensor(ctx, {1, 3, 8}), prompt, random_tensor(ctx, {1, 3, 8}, 2));
  });
  const Linear v(loader_.at("to_v"), 6, 8, false);
  const auto value = run_here([&](Context& ctx) { return layer.out(ctx, v(ctx, random_tensor(ctx, {1, 1, 6}))); });
  const auto residual = random_values(24, 2);
  for (std::size_t i = 0; i < 24; ++i) EXPECT_NEAR(actual[i], value[i % 8] + residual[i], 1e-6);
}

// Rows that are told to be zeros must come out as those whose zeros are computed: some, none and all of a batch.
TEST_F(Layers, CrossAttentionToZerosIsABias) {
  const CrossAttention layer(loader_, 8, 6, 2);
  for (const std::int64_t silent : {0, 1, 3}) {
    for (const bool residual : {false, true}) {
      const auto attend = [&](std::int64_t told) {
        return run_here([&](Context& ctx) {
          std::vector<float> tokens = random_values(3 * 5 * 6, 1);
          std::fill_n(tokens.begin(), silent * 5 * 6, 0.0f);
          const KeyValue prompt = layer.prepare(ctx, ctx.upload(tokens, {3, 5, 6}), told);
          EXPECT_EQ(prompt.batch(), 3);
          return layer(ctx, random_tensor(ctx, {3, 4, 8}, 2), prompt,
                       residual ? random_tensor(ctx, {3, 4, 8}, 3) : Tensor());
        });
      };
      EXPECT_LT(largest_difference(attend(silent), attend(0)), 1e-6) << silent;
    }
  }
}

// Weights of zero in the last projection of each part leave what came in.
TEST_F(Layers, BlocksAreResidual) {
  const auto checkpoint = synthetic_checkpoint(DType::f32);
  {
    const Loader all(checkpoint);
    ResnetBlock(all.at("resnet"), {.in = 8, .out = 8, .groups = 4, .epsilon = 1e-5, .time = 16});
    SpatialTransformer(all.at("transformer"),
                       {.channels = 8, .prompt_channels = 6, .heads = 2, .groups = 4, .depth = 2});
  }
  TensorMap tensors = checkpoint->tensors();
  for (const char* name : {"resnet.conv2", "transformer.proj_out"}) {
    for (const char* part : {".weight", ".bias"}) {
      auto& source = tensors.at(std::string(name) + part);
      source = constant(source->shape(), 0);
    }
  }
  const Loader loader = loader_of(tensors);
  const ResnetBlock resnet(loader.at("resnet"), {.in = 8, .out = 8, .groups = 4, .epsilon = 1e-5, .time = 16});
  const SpatialTransformer transformer(loader.at("transformer"),
                                       {.channels = 8, .prompt_channels = 6, .heads = 2, .groups = 4, .depth = 2});
  loader.finish();
  const auto x = random_values(2 * 3 * 5 * 8, 1);
  EXPECT_EQ(run_here([&](Context& ctx) {
              return resnet(ctx, random_tensor(ctx, {2, 3, 5, 8}), random_tensor(ctx, {2, 16}));
            }),
            x);
  EXPECT_EQ(run_here([&](Context& ctx) {
              const auto prompt = transformer.prepare(ctx, random_tensor(ctx, {2, 4, 6}));
              EXPECT_EQ(prompt.size(), 2u);
              return transformer(ctx, random_tensor(ctx, {2, 3, 5, 8}), prompt);
            }),
            x);
}

// Only the time row differs between pictures of equal content, and a shortcut changes the number of channels.
TEST_F(Layers, ResnetAddsTimeAndChangesChannels) {
  const ResnetBlock resnet(loader_, {.in = 8, .out = 12, .groups = 4, .epsilon = 1e-5, .time = 16});
  const auto at = [&](unsigned time) {
    return run_here([&](Context& ctx) {
      return resnet(ctx, random_tensor(ctx, {1, 3, 5, 8}), random_tensor(ctx, {1, 16}, time));
    });
  };
  EXPECT_EQ(at(1).size(), 3u * 5 * 12);
  EXPECT_GT(largest_difference(at(1), at(2)), 0.01);
}

TensorMap sum_of_window() { return {{"conv.weight", constant({1, 1, 3, 3}, 1)}, {"conv.bias", constant({1}, 0)}}; }

// Sums of 3x3 ones tell how much of each window lies inside: 5x5 halves to 3x3 with padding all around, and to 2x2 with
// the autoencoder's, whose windows begin inside.
TEST_F(Layers, DownsamplesWithEitherPadding) {
  const auto sums = [&](const Downsample& layer, std::int64_t side) {
    const std::vector<float> ones(static_cast<std::size_t>(side * side), 1.0f);
    return run_here([&](Context& ctx) { return layer(ctx, ctx.upload(ones, {1, side, side, 1})); });
  };
  const Downsample even(loader_of(sum_of_window()), 1), late(loader_of(sum_of_window()), 1, {0, 0, 1, 1});
  EXPECT_EQ(sums(even, 5), (std::vector<float>{4, 6, 4, 6, 9, 6, 4, 6, 4}));
  EXPECT_EQ(sums(even, 4), (std::vector<float>{4, 6, 6, 9}));
  EXPECT_EQ(sums(late, 5), (std::vector<float>{9, 9, 9, 9}));
  EXPECT_EQ(sums(late, 4), (std::vector<float>{9, 6, 6, 4}));
}

TEST_F(Layers, UpsamplesToTheSizeAskedFor) {
  TensorMap middle = sum_of_window();
  middle["conv.weight"] = values_source({1, 1, 3, 3}, {0, 0, 0, 0, 1, 0, 0, 0, 0});
  const Upsample layer(loader_of(middle), 1);
  const auto values = run_here([&](Context& ctx) {
    return layer(ctx, ctx.upload(std::vector<float>{1, 2, 3, 4}, {1, 2, 2, 1}), 3, 4);
  });
  EXPECT_EQ(values, (std::vector<float>{1, 1, 2, 2, 1, 1, 2, 2, 3, 3, 4, 4}));
}

// linear_2(silu(linear_1(x + cond_proj(c)))) + residual with matrices of ones: 2 inputs of 1, a condition of 3 values.
TEST_F(Layers, TimeEmbeddingAddsItsConditionFirst) {
  const Loader loader = loader_of({{"linear_1.weight", constant({4, 2}, 1)},
                                   {"linear_1.bias", constant({4}, 0)},
                                   {"linear_2.weight", constant({4, 4}, 1)},
                                   {"linear_2.bias", constant({4}, 0.5)},
                                   {"cond_proj.weight", constant({2, 3}, 1)}});
  const TimeEmbedding layer(loader, 2, 4, 3);
  loader.finish();
  const auto values = run_here([&](Context& ctx) {
    const auto ones = [&](std::int64_t n) {
      return ctx.upload(std::vector<float>(static_cast<std::size_t>(n), 1.0f), {1, n});
    };
    return layer(ctx, ones(2), ones(3), ones(4));
  });
  const double sum = 2 * (1 + 3);  // of the conditioned inputs
  const double expected = 4 * sum / (1 + std::exp(-sum)) + 0.5 + 1;
  for (const float value : values) EXPECT_NEAR(value, expected, 1e-5);
}

TEST_F(Layers, AreNamedInTraces) {
  const ResnetBlock resnet(loader_.at("down_blocks", 0).at("resnets", 1),
                           {.in = 4, .out = 4, .groups = 2, .epsilon = 1e-5});
  Trace trace;
  Arena arena(backend_->allocate(1 << 16), 1 << 16);
  Context ctx{.backend = *backend_, .arena = arena, .trace = &trace};
  resnet(ctx, random_tensor(ctx, {1, 2, 2, 4}));
  ASSERT_EQ(trace.events().size(), 5u);  // the layer, then its norms and convolutions
  EXPECT_EQ(trace.events()[0].category, "layer");
  EXPECT_EQ(trace.events()[0].name, "down_blocks.0.resnets.1");
}

}  // namespace
}  // namespace sumi::test
