// Adapters come and go: what is packed follows, and nothing is left of them.

#include <gtest/gtest.h>

#include "adapters/made.h"
#include "models/model.h"
#include "nn/on_host.h"
#include "support/scratch.h"

namespace sumi::test {
namespace {

AdapterPtr fixture_adapter(const std::string& name) {
  return read_adapter(fixtures() / "loras" / (name + ".safetensors"));
}

/// The UNet and text encoders of a fixture as one set of adaptable tensors.
struct Adaptable {
  explicit Adaptable(const std::string& model, const std::vector<std::string>& components) {
    const ModelFolder folder(model_path(model));
    for (const auto& name : components) {
      parts.push_back(std::make_shared<AdaptedCheckpoint>(folder.weights(name)));
      adapters.add_component(name, parts.back());
    }
  }
  std::vector<std::vector<float>> values() const {
    std::vector<std::vector<float>> all;
    for (const auto& part : parts) {
      for (const auto& [name, source] : part->tensors()) all.push_back(read_all(*source));
    }
    return all;
  }

  std::vector<std::shared_ptr<AdaptedCheckpoint>> parts;
  Adapters adapters;
};

TEST(Switching, LeavesTheFilesBitsBehind) {
  Adaptable model("sd1", {"unet", "text_encoder"});
  const auto before = model.values();
  for (const char* name :
       {"lora-kohya", "lora-locon", "lora-peft", "lora-loha", "lora-lokr", "lora-dora", "lora-dora-in"}) {
    const auto report = model.adapters.set({{fixture_adapter(name), .8, .8}});
    EXPECT_EQ(report.unmatched, std::vector<std::string>{}) << name;
    EXPECT_GT(report.changed, 20u) << name;
    EXPECT_NE(model.values(), before) << name;
  }
  EXPECT_EQ(model.adapters.set({}).changed, 0u);
  EXPECT_EQ(model.values(), before);
}

TEST(Switching, WeightsOfZeroChangeNothing) {
  Adaptable model("sd1", {"unet", "text_encoder"});
  const auto before = model.values();
  const auto adapter = fixture_adapter("lora-kohya");
  const auto both = model.adapters.set({{adapter, 1, 1}}).changed, unet = model.adapters.set({{adapter, 1, 0}}).changed,
             text = model.adapters.set({{adapter, 0, 1}}).changed;
  EXPECT_EQ(both, 140u);
  EXPECT_EQ(unet, 110u);
  EXPECT_EQ(text, 30u);
  EXPECT_EQ(model.adapters.set({{adapter, 0, 0}}).changed, 0u);
  EXPECT_EQ(model.values(), before);
}

// Products of small binary fractions are exact, so any order gives the same sum.
TEST(Switching, OrderDoesNotMatterWhereSumsAreExact) {
  OneLayer model(values_source({1, 2}, {0.5f, -0.25f}));
  const auto made = [](float up) {
    return parse_adapter({{"layer.lora_up.weight", values_source({1, 1}, {up})},
                          {"layer.lora_down.weight", values_source({1, 2}, {2, 4})}},
                         "file");
  };
  const auto one = made(0.5f), two = made(-3);
  model.adapters.set({{one, .5}, {two, .25}});
  const auto first = read_all(*model.adapted);
  EXPECT_EQ(first, (std::vector<float>{0.5f + 0.5f - 1.5f, -0.25f + 1 - 3}));
  model.adapters.set({{two, .25}, {one, .5}});
  EXPECT_EQ(read_all(*model.adapted), first);
}

TEST(Switching, ChangedWeightsAloneArePackedAgain) {
  const auto values = noise(6, 1);
  const auto file = std::make_shared<Checkpoint>(
      "model", TensorMap{{"a.weight", values_source({2, 3}, values)}, {"b.weight", values_source({2, 3}, values)}});
  const auto adapted = std::make_shared<AdaptedCheckpoint>(file);
  Adapters adapters;
  adapters.add_component("unet", adapted);
  const Loader loader(adapted);
  const Linear a(loader.at("a"), 3, 2, false), b(loader.at("b"), 3, 2, false);
  const auto backend = make_ref_backend();
  const auto apply = [&](const Linear& layer) {
    return run(*backend, [&](Context& ctx) { return layer(ctx, ctx.upload(std::vector<float>{1, 1, 1}, {1, 3})); });
  };
  const auto before = apply(a);
  EXPECT_EQ(apply(b), before);
  const std::uint64_t revisions[] = {a.weight.source().revision(), b.weight.source().revision()};

  const auto change = values_source({2, 3}, {1, 1, 1, 2, 2, 2});
  adapters.set({{parse_adapter({{"a.diff", change}}, "file")}});
  EXPECT_GT(a.weight.source().revision(), revisions[0]);
  EXPECT_EQ(b.weight.source().revision(), revisions[1]);
  const auto after = apply(a);
  EXPECT_NEAR(after[0], before[0] + 3, 1e-6);
  EXPECT_NEAR(after[1], before[1] + 6, 1e-6);
  EXPECT_EQ(apply(b), before);

  adapters.set({});
  EXPECT_EQ(apply(a), before);
}

TEST(Switching, JoinedAndReshapedWeightsFollow) {
  OneLayer model(tensor({2, 3}, 1));
  const auto joined = joined_source({reshaped_source(model.adapted, {3, 2}), values_source({1, 2}, {7, 8})});
  const auto revision = joined->revision();
  model.adapters.set({{parse_adapter({{"layer.diff", values_source({2, 3}, {1, 1, 1, 1, 1, 1})}}, "file"), 2}});
  EXPECT_GT(joined->revision(), revision);
  auto wanted = read_all(*model.weight);
  for (float& value : wanted) value += 2;
  wanted.insert(wanted.end(), {7, 8});
  EXPECT_EQ(read_all(*joined), wanted);
  EXPECT_EQ(read_all(*prepared(joined)), wanted);
}

/// Base plus products, in the order of the file.
std::vector<float> values_of(const LowRankSum& sum) {
  std::vector<float> values = read_all(*prepared(sum.base));
  const std::int64_t columns = columns_of(sum.base->shape());
  for (const auto& [row, down, up] : sum.factors) {
    const std::vector<float> left = read_all(*prepared(up)), right = read_all(*prepared(down));
    const std::int64_t rank = up->shape()[1];
    for (std::int64_t i = 0; i < up->shape()[0]; ++i) {
      for (std::int64_t j = 0; j < columns; ++j) {
        for (std::int64_t k = 0; k < rank; ++k)
          values[(row + i) * columns + j] += left[i * rank + k] * right[k * columns + j];
      }
    }
  }
  return values;
}

TEST(Switching, EveryWeightIsTheSumOfItsBaseAndItsProducts) {
  Adaptable model("sd1", {"unet", "text_encoder"});
  for (const char* name : {"lora-kohya", "lora-locon", "lora-peft", "lora-loha", "lora-dora"}) {
    // Beside changes that are no products.
    model.adapters.set({{fixture_adapter(name), .8, .5}, {fixture_adapter("lora-lokr"), .3, .3}});
    std::size_t products = 0;
    for (const auto& part : model.parts) {
      for (const auto& [tensor, source] : part->tensors()) {
        const LowRankSum sum = source->sum();
        products += sum.factors.size();
        const auto values = read_all(*source), summed = values_of(sum);
        for (std::size_t i = 0; i < values.size(); ++i)
          ASSERT_NEAR(summed[i], values[i], 1e-6) << name << " " << tensor;
      }
    }
    const std::string_view kind = name;
    EXPECT_EQ(products > 0, kind != "lora-loha" && kind != "lora-dora") << name;
  }
}

TEST(Switching, AStrengthChangesTheRevisionOfUpAndNotOfTheBase) {
  OneLayer model(tensor({2, 3}, 1));
  const auto lora = parse_adapter(
      {{"layer.lora_up.weight", tensor({2, 1}, 2)}, {"layer.lora_down.weight", tensor({1, 3}, 3)}}, "file");
  EXPECT_TRUE(model.adapted->sum().factors.empty());
  const auto revision = model.adapted->sum().base->revision();
  model.adapters.set({{lora, 1}});
  const LowRankSum first = model.adapted->sum();
  const auto of_up = first.factors.at(0).up->revision();
  model.adapters.set({{lora, 2}});
  const LowRankSum second = model.adapted->sum();
  EXPECT_EQ(second.factors, first.factors) << "the same sources";
  EXPECT_GT(second.factors[0].up->revision(), of_up);
  EXPECT_EQ(second.base->revision(), revision);
  model.adapters.set({{lora, 2}, {parse_adapter({{"layer.diff", tensor({2, 3}, 4)}}, "file")}});
  EXPECT_GT(model.adapted->sum().base->revision(), revision);
}

TEST(Switching, JoinedAndReshapedWeightsAreSumsToo) {
  OneLayer model(tensor({2, 6}, 1));
  model.adapters.set({{parse_adapter(
      {{"layer.lora_up.weight", tensor({2, 1}, 2)}, {"layer.lora_down.weight", tensor({1, 6}, 3)}}, "file")}});
  const auto joined = joined_source({tensor({1, 2, 3}, 5), reshaped_source(model.adapted, {2, 2, 3})});
  const LowRankSum sum = joined->sum();
  ASSERT_EQ(sum.factors.size(), 1u);
  EXPECT_EQ(sum.factors[0].row, 1);
  const auto values = read_all(*joined), summed = values_of(sum);
  for (std::size_t i = 0; i < values.size(); ++i) EXPECT_NEAR(summed[i], values[i], 1e-6) << i;
  EXPECT_FALSE(joined_source({tensor({1, 2}, 1), tensor({1, 2}, 2)})->sum().base);
}

// A dry run must not compute changes: the factors here cannot be read.
TEST(Switching, ADryRunReadsNoFactors) {
  class Unreadable final : public Source {
   public:
    explicit Unreadable(Shape shape) : Source(shape, DType::f32) {}
    void read(std::int64_t, std::span<float>) const override { fail(ErrorCode::io, "read"); }
  };
  OneLayer model(tensor({2, 3}, 1));
  model.adapters.set({{parse_adapter({{"layer.diff", std::make_shared<Unreadable>(Shape{2, 3})}}, "file")}});
  const Linear layer(Loader(model.checkpoint).at("layer"), 3, 2, false);
  const auto backend = make_ref_backend();
  const auto body = [&](Context& ctx) { return layer(ctx, ctx.tensor({1, 3})); };
  EXPECT_NO_THROW(dry_run(*backend, body));
  EXPECT_THROW(run(*backend, body), Error);
}

AdapterPtr reading_prompts_of(std::int64_t channels) {
  return parse_adapter({{"lora_unet_layer_attn2_to_k.lora_up.weight", tensor({4, 2}, 1)},
                        {"lora_unet_layer_attn2_to_k.lora_down.weight", tensor({2, channels}, 2)}},
                       "style.safetensors");
}

TEST(Family, OfFileAndModelAreNamed) {
  OneLayer model(tensor({4, 768}, 1), "layer.attn2.to_k");
  expect_error(ErrorCode::bad_model, "style.safetensors: made for Stable Diffusion XL, the model is Stable Diffusion 1",
               [&] { model.adapters.set({{reading_prompts_of(2048)}}); });
  expect_error(ErrorCode::bad_model, "style.safetensors: made for Stable Diffusion 2, the model is Stable Diffusion 1",
               [&] { model.adapters.set({{reading_prompts_of(1024)}}); });
  EXPECT_EQ(model.adapters.set({{reading_prompts_of(768)}}).changed, 1u);
  const auto flux = parse_adapter({{"lora_unet_double_blocks_0_img_mod_lin.lora_up.weight", tensor({4, 2}, 1)},
                                   {"lora_unet_double_blocks_0_img_mod_lin.lora_down.weight", tensor({2, 8}, 2)}},
                                  "flux.safetensors");
  expect_error(ErrorCode::bad_model, "flux.safetensors: made for Flux, the model is Stable Diffusion 1",
               [&] { model.adapters.set({{flux}}); });
}

TEST(Family, AFailedSetChangesNothing) {
  OneLayer model(tensor({4, 768}, 1), "layer.attn2.to_k");
  model.adapters.set({{reading_prompts_of(768)}});
  const auto before = read_all(*model.adapted);
  expect_error(ErrorCode::bad_model, "made for", [&] {
    model.adapters.set({{reading_prompts_of(768), 2}, {reading_prompts_of(2048)}});
  });
  EXPECT_EQ(read_all(*model.adapted), before);
  expect_error(ErrorCode::usage, "must be a number", [&] { model.adapters.set({{reading_prompts_of(768), NAN}}); });
  EXPECT_EQ(read_all(*model.adapted), before);
}

TEST(Family, OfFixtures) {
  Adaptable sd1("sd1", {"unet", "text_encoder"});
  expect_error(ErrorCode::bad_model,
               "made for one whose prompts have 80 channels, the model is one whose prompts have 32",
               [&] { sd1.adapters.set({{fixture_adapter("lora-sdxl")}}); });
  Adaptable sdxl("sdxl", {"unet", "text_encoder", "text_encoder_2"});
  for (const char* name : {"lora-peft", "lora-kohya"}) {
    expect_error(ErrorCode::bad_model, "the model is one whose prompts have 80 channels",
                 [&] { sdxl.adapters.set({{fixture_adapter(name)}}); });
  }
}

TEST(Unmatched, KeysAreListed) {
  OneLayer model(tensor({4, 8}, 1));
  const auto file = parse_adapter({{"layer.diff", tensor({4, 8}, 1)},
                                   {"elsewhere.diff", tensor({4, 8}, 2)},
                                   {"layer.alpha_of_another", tensor({4, 8}, 3)},
                                   {"lonely.alpha", scalar(1)},
                                   {"layer.diff_b", tensor({4}, 4)}},
                                  "file");
  const auto report = model.adapters.set({{file}});
  EXPECT_EQ(report.changed, 1u);
  EXPECT_EQ(report.unmatched, (std::vector<std::string>{"file: layer.alpha_of_another", "file: lonely.alpha",
                                                        "file: elsewhere", "file: layer (bias)"}));
}

TEST(Unmatched, ShapesThatDoNotFitAreTold) {
  const auto file = std::make_shared<Checkpoint>(
      "model", TensorMap{{"a.weight", tensor({4, 8}, 1)}, {"b.weight", tensor({4, 9}, 1)}});
  Adapters adapters;
  adapters.add_component("unet", std::make_shared<AdaptedCheckpoint>(file));
  const auto report =
      adapters.set({{parse_adapter({{"a.diff", tensor({4, 8}, 1)}, {"b.diff", tensor({4, 8}, 1)}}, "file")}});
  EXPECT_EQ(report.changed, 1u);
  EXPECT_EQ(report.unmatched, (std::vector<std::string>{"file: b (a change of 4x8, the model's weight is 4x9)"}));
}

}  // namespace
}  // namespace sumi::test
