#include "models/unet.h"

#include <gtest/gtest.h>

#include "models/model.h"
#include "models/on_backends.h"
#include "models/reference.h"
#include "nn/on_host.h"
#include "ops/elementwise.h"

namespace sumi::test {
namespace {

Tensor predict(Context& ctx, const UNet& unet, const Reference& reference) {
  const Tensor prompt = cast(ctx, reference.upload(ctx, "input.prompt"), ctx.type);
  const auto conditioning = unet.prepare(ctx, {.tokens = prompt, .guidance = 7.5});
  return unet(ctx, reference.upload(ctx, "input.latent"), reference.upload(ctx, "input.timesteps"), conditioning);
}

class UNetPredicts : public testing::TestWithParam<ModelOnBackend> {};

// Measured 3e-7 to 1.6e-6 of the largest value; diffusers in float32 is 1.2e-6 away from itself in float64.
TEST_P(UNetPredicts, AsTheReference) {
  const UNet unet = load_unet(ModelFolder(model_path(GetParam().model)));
  const Reference reference("unet-" + GetParam().model);
  const auto backend = make_host_backend(GetParam().backend);
  const auto actual = run(*backend, [&](Context& ctx) { return predict(ctx, unet, reference); });
  const auto expected = reference.values("prediction");
  EXPECT_LT(largest_difference(actual, expected), 5e-6 * largest(expected));
}

INSTANTIATE_TEST_SUITE_P(
    Models, UNetPredicts,
    testing::ValuesIn(on_host_backends({"sd1", "sd2", "bksdm-small", "bksdm-tiny", "lcm", "emoji"})), name_of);

class UNetParts : public testing::TestWithParam<ModelOnBackend> {};

TEST_P(UNetParts, ShareWhatComesBeforeThePrompt) {
  const UNet unet = load_unet(ModelFolder(model_path(GetParam().model)));
  ASSERT_TRUE(unet.shares_parts());
  const Reference reference("unet-" + GetParam().model);
  const auto backend = make_host_backend(GetParam().backend);
  const auto predicted = [&](bool once) {
    return [&, once](Context& ctx) {
      const Tensor prompt = reference.upload(ctx, "input.prompt");
      const std::int64_t rows = prompt.size(0);
      EXPECT_GT(rows, 1);
      const Tensor latent = reference.upload(ctx, "input.latent").slice(0, 1);
      const std::vector<float> times(static_cast<std::size_t>(rows), 321.0f);
      const auto conditioning = unet.prepare(ctx, {.tokens = prompt, .guidance = 7.5});
      return unet(ctx, once ? latent : repeat_to(ctx, latent, rows), ctx.upload(times, {rows}), conditioning);
    };
  };
  const auto actual = run(*backend, predicted(true)), expected = run(*backend, predicted(false));
  EXPECT_LT(largest_difference(actual, expected), 1e-6 * largest(expected));
  EXPECT_LT(dry_run(*backend, predicted(true)).flops, dry_run(*backend, predicted(false)).flops);
}

INSTANTIATE_TEST_SUITE_P(Models, UNetParts,
                         testing::ValuesIn(on_host_backends({"sd1", "sd2", "bksdm-small", "bksdm-tiny", "emoji"})),
                         name_of);

class UNetInBf16 : public testing::TestWithParam<std::string> {};

// Measured 0.5 to 0.6 % of the largest value: bf16 rounds each number to 0.2 % or better, and layers add their errors
// like noise.
TEST_P(UNetInBf16, StaysCloseToFloat32) {
  const UNet unet = load_unet(ModelFolder(model_path("sd1")));
  const Reference reference("unet-sd1");
  const auto backend = make_host_backend(GetParam());
  const auto actual = run(
      *backend, [&](Context& ctx) { return predict(ctx, unet, reference); }, DType::bf16);
  const auto expected = reference.values("prediction");
  EXPECT_LT(rms_difference(actual, expected), 0.01 * largest(expected));
}

INSTANTIATE_TEST_SUITE_P(Backends, UNetInBf16, testing::ValuesIn(host_backends()),
                         [](const auto& each) { return each.param; });

class UNetInInt8 : public testing::TestWithParam<std::string> {};

// Linears over tokens and pixels; not those of the time embedding, a row a picture, nor of the prompt.
TEST_P(UNetInInt8, IsForLinearsOfManyRows) {
  const UNet unet = load_unet(ModelFolder(model_path("emoji")));
  const Reference reference("unet-emoji");
  const auto backend = make_host_backend(GetParam());
  Arena arena(backend->allocate(64 << 20), 64 << 20);
  Trace trace;
  Context ctx{.backend = *backend, .arena = arena, .rounding = Rounding::int8, .trace = &trace};
  const auto actual = ctx.download(predict(ctx, unet, reference));
  const auto expected = reference.values("prediction");
  EXPECT_LT(rms_difference(actual, expected), 0.01 * largest(expected));
  EXPECT_GT(rms_difference(actual, expected), 1e-4 * largest(expected));
  const std::int64_t pictures = reference.shape("input.prompt")[0],
                     words = pictures * reference.shape("input.prompt")[1];
  int in_int8 = 0;
  for (const Trace::Event& event : trace.events()) {
    if (event.name != LinearOp::name) continue;
    const std::int64_t rows = std::stoll(event.shapes);
    const bool int8 = event.shapes.ends_with(" int8");
    EXPECT_EQ(int8, rows != pictures && rows != words) << event.shapes;
    in_int8 += int8;
  }
  EXPECT_GE(in_int8, 8 * 7) << "eight in each of seven transformers, and shortcuts";
}

INSTANTIATE_TEST_SUITE_P(Backends, UNetInInt8, testing::ValuesIn(host_backends()),
                         [](const auto& each) { return each.param; });

// Keys and values of a prompt outlive the arena of a step: one pair for each transformer block, none that is shared.
TEST(UNet, ConditioningServesManySteps) {
  const UNet unet = load_unet(ModelFolder(model_path("sd1")));
  const Reference reference("unet-sd1");
  const auto backend = make_ref_backend();
  UNet::Conditioning conditioning;
  Arena lasting(backend->allocate(1 << 20), 1 << 20);
  Context ctx{.backend = *backend, .arena = lasting};
  conditioning = unet.prepare(ctx, {.tokens = reference.upload(ctx, "input.prompt")});
  EXPECT_EQ(conditioning.keys.size(), 2u * 2 + 1 + 2 * 3);  // two down stages, the middle, two up stages
  const std::size_t before = lasting.used();
  std::vector<std::vector<float>> predictions;
  for (int step = 0; step < 2; ++step) {
    Arena arena(backend->allocate(4 << 20), 4 << 20);
    Context inner{.backend = *backend, .arena = arena};
    predictions.push_back(inner.download(unet(inner, reference.upload(inner, "input.latent"),
                                              reference.upload(inner, "input.timesteps"), conditioning)));
  }
  EXPECT_EQ(lasting.used(), before);
  EXPECT_EQ(predictions[0], predictions[1]);
  EXPECT_LT(largest_difference(predictions[0], reference.values("prediction")), 3e-5);
}

TEST(UNet, SaysWhichInputsDoNotFit) {
  const UNet unet = load_unet(ModelFolder(model_path("sd1")));
  const auto backend = make_ref_backend();
  const auto call = [&](Context& ctx) {
    const auto conditioning = unet.prepare(ctx, {.tokens = ctx.tensor({1, 4, 32})});
    return unet(ctx, ctx.tensor({1, 8, 8, 9}, DType::f32), ctx.tensor({1}, DType::f32), conditioning);
  };
  try {
    dry_run(*backend, call);
    FAIL() << "latents of 9 channels were taken";
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "unet: latents 1x8x8x9, the model takes 4 channels");
  }
}

}  // namespace
}  // namespace sumi::test
