// Factors beside the weights: layers give with them what merged weights give, and other strengths pack next to nothing.

#include <gtest/gtest.h>

#include "adapters/made.h"
#include "backend/cpu/cpu.h"
#include "nn/on_host.h"
#include "nn/resnet.h"
#include "ops/elementwise.h"
#include "support/fixture.h"

namespace sumi::test {
namespace {

/// A model of some tensors, adapted.
struct AdaptedModel {
  explicit AdaptedModel(const TensorMap& tensors)
      : checkpoint(std::make_shared<AdaptedCheckpoint>(std::make_shared<Checkpoint>("model", tensors))) {
    adapters.add_component("unet", checkpoint);
  }
  Loader loader() const { return Loader(checkpoint); }

  std::shared_ptr<AdaptedCheckpoint> checkpoint;
  Adapters adapters;
};

/// A low-rank change of small numbers, so that sums stay of the size of the weight's.
void add_lora(TensorMap& file, const std::string& module, Shape up, Shape down, unsigned seed) {
  file[module + ".lora_up.weight"] = tensor(up, seed);
  file[module + ".lora_down.weight"] = tensor(down, seed + 1);
  file[module + ".alpha"] = scalar(1);
}

AdapterPtr lora(const std::string& module, Shape up, Shape down, unsigned seed) {
  TensorMap file;
  add_lora(file, module, up, down, seed);
  return parse_adapter(file, "file");
}

Tensor input(Context& ctx, const Shape& shape, unsigned seed = 50) {
  return cast(ctx, ctx.upload(noise(shape.elements(), seed), shape), ctx.type);
}

/// A layer with its input: what runs.
using Build = std::function<Body(const Loader&)>;

struct Where {
  std::string backend;
  DType type;
  double tolerance;  ///< of the largest value: bf16 rounds three times
};

class Applied : public testing::TestWithParam<Where> {
 protected:
  static std::vector<float> values(const TensorMap& model, const std::vector<AdapterUse>& uses, LoraMode mode,
                                   const Build& build, const Where& where) {
    AdaptedModel adapted(model);
    const AdapterReport report = adapted.adapters.set(uses, mode);
    EXPECT_TRUE(report.unmatched.empty());
    EXPECT_EQ(mode == LoraMode::apply ? report.merged : report.beside, 0u);
    const auto backend = where.backend == "ref" ? make_ref_backend() : make_cpu_backend();
    return run(*backend, build(adapted.loader()), where.type);
  }

  void expect_merged(const TensorMap& model, const std::vector<AdapterUse>& uses, const Build& build) const {
    const Where exact{"ref", DType::f32, 0};
    const auto merged = values(model, uses, LoraMode::merge, build, exact);
    const auto plain = values(model, {}, LoraMode::merge, build, exact);
    EXPECT_GT(largest_difference(plain, merged), 0.1 * largest(merged));
    const auto applied = values(model, uses, LoraMode::apply, build, GetParam());
    EXPECT_LT(largest_difference(applied, merged), GetParam().tolerance * largest(merged));
  }
};

Body linear_body(const Loader& loader, std::int64_t in, std::int64_t out, LinearOptions options, bool residual) {
  const auto layer = std::make_shared<Linear>(loader.at("layer"), in, out);
  return [=](Context& ctx) {
    LinearOptions all = options;
    if (residual) all.residual = input(ctx, {2, 9, options.gated ? out / 2 : out}, 60);
    return (*layer)(ctx, input(ctx, {2, 9, in}), all);
  };
}

TEST_P(Applied, Linear) {
  const TensorMap model{{"layer.weight", tensor({24, 16}, 1)}, {"layer.bias", tensor({24}, 2)}};
  const std::vector<AdapterUse> uses{{lora("layer", {24, 3}, {3, 16}, 10), 1.5}};
  for (const bool residual : {false, true}) {
    for (const LinearOptions& options :
         {LinearOptions{}, LinearOptions{.activation = Activation::quick_gelu},
          LinearOptions{.activation = Activation::gelu, .gated = true}, LinearOptions{.gated = true}}) {
      expect_merged(model, uses, [&](const Loader& loader) { return linear_body(loader, 16, 24, options, residual); });
    }
  }
}

TEST_P(Applied, SeveralAdaptersOfOneLayer) {
  const TensorMap model{{"layer.weight", tensor({24, 16}, 1)}, {"layer.bias", tensor({24}, 2)}};
  expect_merged(model, {{lora("layer", {24, 3}, {3, 16}, 10), 1.5}, {lora("layer", {24, 5}, {5, 16}, 20), -1}},
                [](const Loader& loader) { return linear_body(loader, 16, 24, {}, true); });
}

// One linear for q, k and v: each has factors of its own, or none.
TEST_P(Applied, JoinedLinears) {
  TensorMap model, file;
  for (const char* name : {"to_q", "to_k", "to_v"}) {
    model[std::string(name) + ".weight"] = tensor({8, 16}, static_cast<unsigned>(name[3]));
  }
  add_lora(file, "to_q", {8, 2}, {2, 16}, 10);
  add_lora(file, "to_v", {8, 3}, {3, 16}, 20);
  expect_merged(model, {{parse_adapter(file, "file")}}, [](const Loader& loader) {
    const auto names = {std::string_view("to_q"), std::string_view("to_k"), std::string_view("to_v")};
    const auto layer = std::make_shared<Linear>(loader, names, 16, 8, false);
    return [=](Context& ctx) { return (*layer)(ctx, input(ctx, {9, 16})); };
  });
}

TEST_P(Applied, Convolution) {
  const TensorMap model{{"conv.weight", tensor({12, 8, 3, 3}, 1)}, {"conv.bias", tensor({12}, 2)}};
  const Build build = [](const Loader& loader) {
    const auto layer = std::make_shared<Downsample>(loader, 8, Conv2dOp::Padding{0, 0, 1, 1});
    return [=](Context& ctx) { return (*layer)(ctx, input(ctx, {2, 7, 5, 8})); };
  };
  const TensorMap square{{"conv.weight", tensor({8, 8, 3, 3}, 1)}, {"conv.bias", tensor({8}, 2)}};
  expect_merged(square, {{lora("conv", {8, 3, 1, 1}, {3, 8, 3, 3}, 10), 3}}, build);
  TensorMap cored;
  add_lora(cored, "conv", {8, 3, 1, 1}, {3, 8, 1, 1}, 10);
  cored["conv.lora_mid.weight"] = tensor({3, 3, 3, 3}, 12);
  expect_merged(square, {{parse_adapter(cored, "file"), 3}}, build);
  expect_merged(model, {{lora("conv", {12, 3, 1, 1}, {3, 8, 3, 3}, 10), 3}}, [](const Loader& loader) {
    const auto layer = std::make_shared<Conv2d>(loader.at("conv"), 8, 12);
    return [=](Context& ctx) {
      return (*layer)(
          ctx, input(ctx, {2, 6, 5, 8}),
          {.row = input(ctx, {2, 12}, 51), .residual = input(ctx, {2, 6, 5, 12}, 52), .activation = Activation::silu});
    };
  });
}

TEST_P(Applied, PointwiseConvolutionAsALinear) {
  const TensorMap model{{"layer.weight", tensor({24, 16, 1, 1}, 1)}, {"layer.bias", tensor({24}, 2)}};
  expect_merged(model, {{lora("layer", {24, 3, 1, 1}, {3, 16, 1, 1}, 10), 1.5}},
                [](const Loader& loader) { return linear_body(loader, 16, 24, {}, false); });
}

INSTANTIATE_TEST_SUITE_P(Backends, Applied,
                         testing::Values(Where{"ref", DType::f32, 2e-6}, Where{"cpu", DType::f32, 2e-6},
                                         Where{"cpu", DType::bf16, 2e-2}),
                         [](const auto& each) { return each.param.backend + std::string(name_of(each.param.type)); });

/// Counts how many of its values were read.
class Counted final : public Source {
 public:
  explicit Counted(SourcePtr source) : Source(source->shape(), source->stored()), source_(std::move(source)) {}
  void read(std::int64_t first, std::span<float> out) const override {
    read_ += static_cast<std::int64_t>(out.size());
    source_->read(first, out);
  }
  std::int64_t take() const { return read_.exchange(0); }

 private:
  SourcePtr source_;
  mutable std::atomic<std::int64_t> read_ = 0;
};

TEST(Applying, PacksNothingButUpForOtherStrengths) {
  const auto weight = std::make_shared<Counted>(tensor({24, 16}, 1));
  const auto up = std::make_shared<Counted>(tensor({24, 3}, 2)), down = std::make_shared<Counted>(tensor({3, 16}, 3));
  AdaptedModel model({{"layer.weight", weight}});
  const Linear layer(model.loader().at("layer"), 16, 24, false);
  const auto adapter = parse_adapter({{"layer.lora_up.weight", up}, {"layer.lora_down.weight", down}}, "file");
  const auto backend = make_cpu_backend();
  const auto values = [&] { return run(*backend, [&](Context& ctx) { return layer(ctx, input(ctx, {9, 16})); }); };
  const auto before = values();
  weight->take();

  const auto at = [&](double strength) {
    EXPECT_EQ(model.adapters.set({{adapter, strength}}, LoraMode::apply).beside, strength == 0 ? 0u : 1u);
    return values();
  };
  const auto one = at(1);
  EXPECT_EQ(down->take(), 3 * 16);
  EXPECT_EQ(up->take(), 3 * 24);
  const auto half = at(0.5);
  EXPECT_EQ(up->take(), 3 * 24);
  EXPECT_EQ(at(0.5), half);
  EXPECT_EQ(at(0), before);
  EXPECT_EQ(up->take(), 0);
  EXPECT_EQ(down->take(), 0);
  EXPECT_EQ(weight->take(), 0) << "the weight was packed again";
  for (std::size_t i = 0; i < half.size(); ++i) EXPECT_NEAR(half[i], (one[i] + before[i]) / 2, 1e-5);

  model.adapters.set({});
  EXPECT_EQ(values(), before);
  EXPECT_EQ(weight->take(), 0);
}

TEST(Applying, GivesWhatAFreshMergeGivesAfterOtherStrengths) {
  const TensorMap tensors{{"layer.weight", tensor({24, 16}, 1)}};
  const auto first = lora("layer", {24, 3}, {3, 16}, 10), second = lora("layer", {24, 2}, {2, 16}, 20);
  const auto backend = make_ref_backend();
  const auto values = [&](const Linear& layer) {
    return run(*backend, [&](Context& ctx) { return layer(ctx, input(ctx, {9, 16})); });
  };
  AdaptedModel applied(tensors);
  const Linear layer(applied.loader().at("layer"), 16, 24, false);
  const std::vector<std::vector<AdapterUse>> turns{
      {{first, 1}}, {{first, .25}, {second, 2}}, {{second, 2}, {first, -1}}, {{second, .5}}, {}, {{first, 1}}};
  for (std::size_t i = 0; i < turns.size(); ++i) {
    applied.adapters.set(turns[i], i == 3 ? LoraMode::merge : LoraMode::apply);
    AdaptedModel fresh(tensors);
    const Linear merged(fresh.loader().at("layer"), 16, 24, false);
    fresh.adapters.set(turns[i]);
    EXPECT_LT(largest_difference(values(layer), values(merged)), 1e-5) << i;
  }
}

TEST(Applying, MergesWhatIsNoProductOfTwoFactors) {
  AdaptedModel model({{"a.weight", tensor({4, 6}, 1)},
                      {"b.weight", tensor({4, 6}, 2)},
                      {"b.bias", tensor({4}, 3)},
                      {"token_embedding.weight", tensor({4, 6}, 4)}});
  TensorMap file{{"b.diff_b", tensor({4}, 5)}, {"b.dora_scale", tensor({4, 1}, 6)}};
  for (const char* module : {"a", "b", "token_embedding"}) add_lora(file, module, {4, 2}, {2, 6}, 7);
  const auto report = model.adapters.set({{parse_adapter(file, "file")}}, LoraMode::apply);
  EXPECT_EQ(report.changed, 4u);
  EXPECT_EQ(report.beside, 1u);
  EXPECT_EQ(report.merged, 3u);
  const auto beside = [&](const char* tensor) { return model.checkpoint->find(tensor)->beside().size(); };
  EXPECT_EQ(beside("a.weight"), 1u);
  EXPECT_EQ(beside("b.weight") + beside("b.bias") + beside("token_embedding.weight"), 0u);
}

// Rank 2 of 6 inputs and 4 outputs: 20 of the 44 multiplications of each row.
TEST(Applying, CountsTheWorkOfFactors) {
  AdaptedModel model({{"layer.weight", tensor({4, 6}, 1)}});
  const Linear layer(model.loader().at("layer"), 6, 4, false);
  model.adapters.set({{lora("layer", {4, 2}, {2, 6}, 2)}}, LoraMode::apply);
  const auto backend = make_ref_backend(), meta = make_meta_backend(*backend);
  Arena arena = Arena::dry();
  Context ctx{.backend = *meta, .arena = arena};
  layer(ctx, ctx.tensor({9, 6}));
  EXPECT_EQ(ctx.flops, 2 * 9 * 44);
  EXPECT_EQ(ctx.factor_flops, 2 * 9 * 20);
}

}  // namespace
}  // namespace sumi::test
