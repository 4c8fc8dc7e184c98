#include "accel/deepcache.h"

#include <gtest/gtest.h>

#include "models/controlnet.h"
#include "models/model.h"
#include "models/reference.h"
#include "nn/on_host.h"

namespace sumi::test {
namespace {

TEST(DeepCache, ReadsIntervalAndBranch) {
  const auto expect = [](const char* text, std::int64_t interval, std::int64_t branch) {
    const DeepCache read = DeepCache::parse(text);
    EXPECT_EQ(read.interval, interval) << text;
    EXPECT_EQ(read.branch, branch) << text;
  };
  expect("3", 3, 0);
  expect("1:0", 1, 0);
  expect("10:4", 10, 4);
  for (const char* wrong :
       {"", "0", "-1", "3:", ":1", "3:-1", "3:1:1", "3 ", "+3", "x", "3.5", "99999999999999999999"}) {
    EXPECT_THROW(DeepCache::parse(wrong), Error) << wrong;
  }
}

TEST(DeepCache, TakesOneCallOfEachInterval) {
  const DeepCache cache{.interval = 3};
  std::string calls;
  for (int call = 0; call < 8; ++call) calls += cache.full(call) ? 'F' : '-';
  EXPECT_EQ(calls, "F--F--F-");
}

UNetConfig stages(const std::vector<std::int64_t>& layers) {
  UNetConfig config{};
  for (const std::int64_t count : layers) config.up.push_back({.layers = count});
  return config;
}

TEST(DeepCache, BranchSaysHowManyLayersEveryStepComputes) {
  const UNetConfig four = stages({3, 3, 3, 3}), small = stages({2, 2, 2});
  for (std::int64_t branch = 0; branch < 12; ++branch) {
    EXPECT_EQ((DeepCache{2, branch}.layers(four)), static_cast<std::size_t>(branch) + 1);
  }
  // Stages of two layers: the third branch is the second.
  const std::size_t expected[] = {1, 2, 2, 3, 4, 4, 5, 6, 6};
  for (std::int64_t branch = 0; branch < 9; ++branch) {
    EXPECT_EQ((DeepCache{2, branch}.layers(small)), expected[branch]) << branch;
  }
  try {
    DeepCache{2, 9}.layers(small);
    FAIL() << "a branch beyond the last was taken";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::usage);
    EXPECT_STREQ(error.what(), "deepcache: the model has no branch 9, only 0 to 8");
  }
}

ControlNet load_controlnet(const std::string& name) {
  const auto path = model_path("controlnet-" + name);
  const Loader loader(open_checkpoint((path / "diffusion_pytorch_model.safetensors").string()));
  return {ControlNetConfig::from(Settings(read_json(path / "config.json"), name)), loader};
}

/// Two calls with the same inputs, one full and one that reuses what it left.
struct Twice {
  std::vector<float> full, reusing;
  double full_flops, reusing_flops;
};

Twice predict_twice(Backend& backend, const UNet& unet, const Reference& reference, std::size_t layers,
                    const ControlNet* net = nullptr) {
  Twice twice;
  run(backend, [&](Context& ctx) {
    const Tensor latent = reference.upload(ctx, "input.latent"), times = reference.upload(ctx, "input.timesteps");
    const UNet::Prompt prompt{.tokens = reference.upload(ctx, "input.prompt"), .guidance = 7.5};
    const auto conditioning = unet.prepare(ctx, prompt);
    Residuals seen;
    if (net) {
      const Tensor hint = net->embed(ctx, reference.upload(ctx, "input.picture"), latent.size(0));
      seen = (*net)(ctx, latent, times, net->prepare(ctx, prompt), hint);
    }
    FeatureCache cache{layers};
    const auto call = [&](double& flops) {
      const double before = ctx.flops;
      const Tensor y = unet(ctx, latent, times, conditioning, {.residuals = net ? &seen : nullptr, .cache = &cache});
      flops = ctx.flops - before;
      return y;
    };
    twice.full = ctx.download(call(twice.full_flops));
    cache.reuse = true;
    const Tensor again = call(twice.reusing_flops);
    twice.reusing = ctx.download(again);
    return again;
  });
  return twice;
}

// What is kept is what the full step would compute again: for the same inputs every bit of the result is the same.
TEST(FeatureCache, ReusingForTheSameInputsChangesNothing) {
  for (const char* model : {"sd1", "bksdm-tiny"}) {
    const UNet unet = load_unet(ModelFolder(model_path(model)));
    const Reference reference(std::string("unet-") + model);
    const auto backend = make_ref_backend();
    double flops = 0;
    const auto stages = static_cast<std::int64_t>(unet.config().up.size());
    for (const std::int64_t branch : {std::int64_t{0}, std::int64_t{3}, 3 * stages - 1}) {
      const std::size_t layers = DeepCache{1, branch}.layers(unet.config());
      const Twice twice = predict_twice(*backend, unet, reference, layers);
      EXPECT_EQ(twice.full, twice.reusing) << model << ", " << layers << " layers";
      EXPECT_GT(twice.reusing_flops, flops);
      EXPECT_LE(twice.reusing_flops, twice.full_flops) << "equal for all layers of a model without a middle";
      flops = twice.reusing_flops;
    }
  }
}

// A full step adds all that the ControlNet says, a reusing one what it says to the layers that run.
TEST(FeatureCache, GoesTogetherWithAControlNet) {
  const UNet unet = load_unet(ModelFolder(model_path("sd1")));
  const ControlNet net = load_controlnet("sd1");
  const Reference reference("controlnet-sd1");
  const auto backend = make_ref_backend();
  const std::vector<float> expected = reference.values("unet.prediction");
  for (const std::size_t layers : {1, 5}) {
    const Twice twice = predict_twice(*backend, unet, reference, layers, &net);
    EXPECT_LT(largest_difference(twice.full, expected), 5e-6 * largest(expected)) << layers << " layers";
    EXPECT_EQ(twice.full, twice.reusing) << layers << " layers";
  }
}

TEST(FeatureCache, WantsAFullStepFirst) {
  const UNet unet = load_unet(ModelFolder(model_path("sd1")));
  const auto backend = make_ref_backend();
  const auto call = [&](Context& ctx) {
    FeatureCache cache{.layers = 1, .reuse = true};
    const auto conditioning = unet.prepare(ctx, {.tokens = ctx.tensor({1, 4, 32})});
    return unet(ctx, ctx.tensor({1, 8, 8, 4}, DType::f32), ctx.tensor({1}, DType::f32), conditioning,
                {.cache = &cache});
  };
  EXPECT_THROW(dry_run(*backend, call), Error);
}

}  // namespace
}  // namespace sumi::test
