// Changes of biases and norms: numbers by hand.

#include <gtest/gtest.h>

#include "adapters/made.h"
#include "nn/basic.h"
#include "nn/on_host.h"
#include "ops/layout.h"
#include "support/fixture.h"

namespace sumi::test {
namespace {

SourcePtr numbers(Shape shape, std::vector<float> values) { return values_source(shape, std::move(values)); }

/// A linear of 2 to 2 and a norm of 2 channels.
struct Small {
  Small() { adapters.add_component("unet", checkpoint); }

  /// Of the input (3, 1): the weight gives (3 + 2, 0 * 3 - 1), the norm (1, -1) before its scale and shift.
  std::vector<float> operator()() const {
    const auto body = [&](Context& ctx) {
      const std::vector<float> x{3, 1};
      return concat(ctx, linear(ctx, ctx.upload(x, {1, 2})), norm(ctx, ctx.upload(x, {1, 2})));
    };
    return run(*backend, body);
  }
  AdapterReport set(const TensorMap& file, double weight, LoraMode mode = LoraMode::merge) {
    return adapters.set({{parse_adapter(file, "file"), weight}}, mode);
  }

  std::shared_ptr<AdaptedCheckpoint> checkpoint = std::make_shared<AdaptedCheckpoint>(
      std::make_shared<Checkpoint>("model", TensorMap{{"mid.layer.weight", numbers({2, 2}, {1, 2, 0, -1})},
                                                      {"mid.layer.bias", numbers({2}, {10, 20})},
                                                      {"mid.norm.weight", numbers({2}, {2, 3})},
                                                      {"mid.norm.bias", numbers({2}, {100, 200})}}));
  Loader loader{checkpoint};
  Linear linear{loader.at("mid.layer"), 2, 2};
  LayerNorm norm{loader.at("mid.norm"), 2, 0.0};
  Adapters adapters;
  std::unique_ptr<Backend> backend = make_ref_backend();
};

using Values = std::vector<float>;

TEST(Vectors, OfTheFileAlone) { EXPECT_EQ(Small()(), (Values{15, 19, 102, 197})); }

TEST(Vectors, ChangeByDifferences) {
  Small model;
  const TensorMap file{{"lora_unet_mid_layer.diff_b", numbers({2}, {4, -8})},
                       {"lora_unet_mid_norm.w_norm", numbers({2}, {10, 100})},
                       {"lora_unet_mid_norm.b_norm", numbers({2}, {-2, 6})}};
  const auto report = model.set(file, 0.5);
  EXPECT_EQ(report.changed, 3u);
  EXPECT_EQ(report.unmatched, std::vector<std::string>{});
  EXPECT_EQ(model(), (Values{17, 15, 106, 150}));
  model.set(file, -1);
  EXPECT_EQ(model(), (Values{11, 27, 94, 291}));
  model.adapters.set({});
  EXPECT_EQ(model(), (Values{15, 19, 102, 197}));
}

// A weight's difference is not scaled by an alpha, whatever is trained beside it.
TEST(Vectors, AndWeightsByDifferencesOfOneModule) {
  Small model;
  model.set({{"lora_unet_mid_layer.diff", numbers({2, 2}, {1, 0, 0, 2})},
             {"lora_unet_mid_layer.diff_b", numbers({2}, {1, 2})},
             {"lora_unet_mid_layer.alpha", scalar(4)}},
            1);
  EXPECT_EQ(model(), (Values{19, 23, 102, 197}));
}

// As PEFT's `lora_bias` has it: y += alpha / rank * (up (down x) + bias). Here up (down x) = (2, 4) * (3 + 1).
TEST(Vectors, OfTheUpFactorHaveItsScale) {
  for (const auto& [up, down, bias] :
       {std::array{"mid.layer.lora_B.weight", "mid.layer.lora_A.weight", "mid.layer.lora_B.bias"},
        std::array{"lora_unet_mid_layer.lora_up.weight", "lora_unet_mid_layer.lora_down.weight",
                   "lora_unet_mid_layer.lora_up.bias"}}) {
    for (const LoraMode mode : {LoraMode::merge, LoraMode::apply}) {
      Small model;
      const std::string module(up, std::string_view(up).find(".lora_"));
      model.set({{up, numbers({2, 1}, {2, 4})},
                 {down, numbers({1, 2}, {1, 1})},
                 {bias, numbers({2}, {6, 2})},
                 {module + ".alpha", scalar(0.5)}},
                1, mode);
      EXPECT_EQ(model(), (Values{22, 28, 102, 197}));
    }
  }
}

TEST(Vectors, ThatTheModelLacksAreTold) {
  OneLayer model(tensor({2, 2}, 1));
  const auto report = model.adapters.set({{parse_adapter(
      {{"layer.diff", tensor({2, 2}, 1)}, {"layer.diff_b", tensor({2}, 2)}, {"other.w_norm", tensor({2}, 3)}},
      "file")}});
  EXPECT_EQ(report.changed, 1u);
  EXPECT_EQ(report.unmatched, (std::vector<std::string>{"file: layer (bias)", "file: other"}));
}

TEST(Vectors, OfAnotherLengthAreTold) {
  Small model;
  const auto report = model.set({{"mid.layer.diff_b", tensor({3}, 1)}, {"mid.norm.w_norm", tensor({2}, 2)}}, 1);
  EXPECT_EQ(report.changed, 1u);
  EXPECT_EQ(report.unmatched,
            std::vector<std::string>{"file: mid.layer (bias) (a change of 3x1, the model's weight is 2)"});
}

}  // namespace
}  // namespace sumi::test
