#include "models/controlnet.h"

#include <gtest/gtest.h>

#include "models/model.h"
#include "models/on_backends.h"
#include "models/reference.h"
#include "nn/on_host.h"
#include "ops/elementwise.h"
#include "support/scratch.h"

namespace sumi::test {
namespace {

ControlNetConfig config_of(const std::string& name) {
  const auto path = model_path("controlnet-" + name) / "config.json";
  return ControlNetConfig::from(Settings(read_json(path), path.string()));
}

ControlNet load_controlnet(const std::string& name) {
  const Loader loader(
      open_checkpoint((model_path("controlnet-" + name) / "diffusion_pytorch_model.safetensors").string()));
  ControlNet net(config_of(name), loader);
  loader.finish();
  return net;
}

/// The prompt of both pictures, or of the second alone.
UNet::Prompt prompt_of(Context& ctx, const Reference& reference, std::int64_t first = 0) {
  UNet::Prompt prompt{.tokens = cast(ctx, reference.upload(ctx, "input.prompt").slice(first, 2), ctx.type)};
  if (!reference.has("input.pooled")) return prompt;
  prompt.pooled = cast(ctx, reference.upload(ctx, "input.pooled").slice(first, 2), ctx.type);
  prompt.sizes = reference.values("input.sizes");
  prompt.sizes.erase(prompt.sizes.begin(), prompt.sizes.begin() + 6 * first);
  return prompt;
}

Residuals look(Context& ctx, const ControlNet& net, const Reference& reference, std::int64_t first = 0) {
  const Tensor hint = net.embed(ctx, reference.upload(ctx, "input.picture"), 2 - first);
  return net(ctx, reference.upload(ctx, "input.latent").slice(first, 2),
             reference.upload(ctx, "input.timesteps").slice(first, 2),
             net.prepare(ctx, prompt_of(ctx, reference, first)), hint);
}

Tensor predict(Context& ctx, const UNet& unet, const Reference& reference, const Residuals* residuals) {
  const auto conditioning = unet.prepare(ctx, prompt_of(ctx, reference));
  return unet(ctx, reference.upload(ctx, "input.latent"), reference.upload(ctx, "input.timesteps"), conditioning,
              {.residuals = residuals});
}

class ControlNetAsTheReference : public testing::TestWithParam<ModelOnBackend> {
 protected:
  ControlNet net_ = load_controlnet(GetParam().model);
  Reference reference_{"controlnet-" + GetParam().model};
  std::unique_ptr<Backend> backend_ = make_host_backend(GetParam().backend);
};

TEST_P(ControlNetAsTheReference, TellsWhatItSaw) {
  std::vector<std::vector<float>> down;
  const auto middle = run(*backend_, [&](Context& ctx) {
    const Residuals residuals = look(ctx, net_, reference_);
    down.clear();
    for (const Tensor& tensor : residuals.down) down.push_back(ctx.download(tensor));
    return residuals.middle;
  });
  const auto expect_near = [&](const std::vector<float>& actual, const std::string& name) {
    const auto expected = reference_.values(name);
    EXPECT_LT(largest_difference(actual, expected), 5e-6 * largest(expected)) << name;
  };
  expect_near(middle, "middle");
  ASSERT_EQ(down.size(), 9u);
  for (std::size_t i = 0; i < down.size(); ++i) expect_near(down[i], "down." + std::to_string(i));
}

TEST_P(ControlNetAsTheReference, SteersTheUNet) {
  const UNet unet = load_unet(ModelFolder(model_path(GetParam().model)));
  net_.config().check_fits(unet.config(), "");
  const auto plain = run(*backend_, [&](Context& ctx) { return predict(ctx, unet, reference_, nullptr); });
  const auto full = run(*backend_, [&](Context& ctx) {
    Residuals sum;
    accumulate(ctx, sum, look(ctx, net_, reference_), 1);
    return predict(ctx, unet, reference_, &sum);
  });
  const auto guess = run(*backend_, [&](Context& ctx) {
    Residuals sum;
    accumulate(ctx, sum, look(ctx, net_, reference_, 1), 0.8, true);
    return predict(ctx, unet, reference_, &sum);
  });
  const auto expected = reference_.values("unet.prediction"), expected_guess = reference_.values("unet.guess");
  EXPECT_LT(largest_difference(full, expected), 5e-6 * largest(expected));
  EXPECT_LT(largest_difference(guess, expected_guess), 5e-6 * largest(expected_guess));
  EXPECT_GT(largest_difference(full, plain), 0.01 * largest(expected));
  EXPECT_GT(largest_difference(guess, full), 0.01 * largest(expected));
}

INSTANTIATE_TEST_SUITE_P(Models, ControlNetAsTheReference, testing::ValuesIn(on_host_backends({"sd1", "sdxl"})),
                         name_of);

// Four layers in guess mode: 0.1 * 10^(i / 3).
TEST(Residuals, AddUpWithTheirWeights) {
  const auto backend = make_ref_backend();
  std::vector<float> sums;
  run(*backend, [&](Context& ctx) {
    const auto all = [&](float value) {
      const auto one = [&] { return ctx.upload(std::vector<float>{value}, {1, 1, 1, 1}); };
      return Residuals{.down = {one(), one(), one()}, .middle = one()};
    };
    Residuals sum;
    accumulate(ctx, sum, all(2), 0.5);
    accumulate(ctx, sum, all(10), 2, true);
    sums.clear();
    for (const Tensor& tensor : sum.down) sums.push_back(ctx.download(tensor).front());
    return sum.middle;
  });
  const std::vector<float> expected{1 + 2, 1 + 4.3088694f, 1 + 9.2831777f};
  EXPECT_LT(largest_difference(sums, expected), 1e-6);
}

TEST(ControlNet, IsForOneFamily) {
  const UNet unet = load_unet(ModelFolder(model_path("sd1")));
  expect_error(ErrorCode::bad_model,
               "net.safetensors: a ControlNet for another family of models: it has 96 added channels, the model 0",
               [&] { config_of("sdxl").check_fits(unet.config(), "net.safetensors"); });
}

TEST(ControlNet, RefusesWhatItDoesNotCompute) {
  const auto path = model_path("controlnet-sd1") / "config.json";
  for (const auto& [key, value] :
       std::initializer_list<std::pair<const char*, Json>>{{"global_pool_conditions", true},
                                                           {"controlnet_conditioning_channel_order", "bgr"},
                                                           {"_class_name", "ControlNetUnionModel"}}) {
    Json json = read_json(path);
    json[key] = value;
    expect_error(ErrorCode::unsupported, key, [&] { ControlNetConfig::from(Settings(json, "config.json")); });
  }
}

}  // namespace
}  // namespace sumi::test
