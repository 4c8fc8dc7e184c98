#include "models/presets.h"

#include <gtest/gtest.h>

#include "models/clip_text.h"
#include "models/unet.h"
#include "models/vae.h"
#include "nn/on_host.h"

namespace sumi::test {
namespace {

/// Parameters of a component, in millions.
double millions(const std::string& preset, const char* component) {
  return static_cast<double>(count_weights(*Preset(preset).weights(component)).parameters) * 1e-6;
}

// Published sizes; those of CLIP-H, bigG and of the models with a third digit are what diffusers and
// transformers count.
TEST(Presets, HaveThePublishedSizes) {
  EXPECT_NEAR(millions("sd15", "unet"), 859.52, 0.01);
  EXPECT_NEAR(millions("sd21", "unet"), 865.91, 0.01);
  EXPECT_NEAR(millions("sdxl", "unet"), 2567.46, 0.01);
  EXPECT_NEAR(millions("bksdm-small", "unet"), 482.35, 0.01);
  EXPECT_NEAR(millions("bksdm-base", "unet"), 579.385, 0.001);
  EXPECT_NEAR(millions("bksdm-tiny", "unet"), 323.385, 0.001);
  EXPECT_NEAR(millions("sd15-inpainting", "unet"), 859.535, 0.001);
  EXPECT_NEAR(millions("pix2pix", "unet"), 859.532, 0.001);
  EXPECT_NEAR(millions("lcm", "unet"), 859.603, 0.001);
  EXPECT_NEAR(millions("sdxl-inpainting", "unet"), 2567.478, 0.001);
  EXPECT_NEAR(millions("sdxl-refiner", "unet"), 2259.527, 0.001);
  EXPECT_NEAR(millions("ssd-1b", "unet"), 1331.334, 0.001);
  EXPECT_NEAR(millions("vega", "unet"), 745.226, 0.001);
  EXPECT_NEAR(millions("sd15", "vae"), 83.65, 0.01);
  EXPECT_NEAR(millions("sd15", "text_encoder"), 123.06, 0.01);
  EXPECT_NEAR(millions("sd21", "text_encoder"), 340.39, 0.01);
  EXPECT_NEAR(millions("sdxl", "text_encoder"), 123.06, 0.01);
  EXPECT_NEAR(millions("sdxl", "text_encoder_2"), 694.66, 0.01);
}

/// Multiply-adds of a dry run in thousand millions.
double gmac(const Body& body) {
  const auto backend = make_ref_backend();
  return dry_run(*backend, body).flops / 2e9;
}

// Published counts leave out norms and activations.
TEST(Presets, CostWhatIsPublished) {
  const Preset preset("sd15");
  const Loader loader(synthetic_checkpoint(DType::f16));
  const UNet unet(UNetConfig::from(preset.config("unet")), loader.at("unet"));
  const Vae vae(VaeConfig::from(preset.config("vae")), loader.at("vae"));
  const ClipText text(ClipTextConfig::from(preset.config("text_encoder")), loader.at("text"));

  const double step = gmac([&](Context& ctx) {
    const auto conditioning = unet.prepare(ctx, {.tokens = ctx.tensor({1, 77, 768})});
    return unet(ctx, ctx.tensor({1, 64, 64, 4}), ctx.tensor({1}), conditioning);
  });
  EXPECT_NEAR(step, 401.6, 0.005 * 401.6);
  const double decoding = gmac([&](Context& ctx) { return vae.decode(ctx, ctx.tensor({1, 64, 64, 4})); });
  EXPECT_NEAR(decoding, 1257, 0.005 * 1257);
  const std::vector<std::vector<std::int32_t>> ids{std::vector<std::int32_t>(77)};
  const double encoding = gmac([&](Context& ctx) { return text(ctx, ids).hidden; });
  EXPECT_NEAR(encoding, 6.65, 0.02 * 6.65);
}

TEST(Presets, UnknownNamesAreToldTheKnownOnes) {
  try {
    Preset("sd3");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::not_found);
    EXPECT_STREQ(
        error.what(),
        "synthetic:sd3: there is no such model; there are sd15, sd15-inpainting, pix2pix, lcm, bksdm-base, "
        "bksdm-small, bksdm-tiny, sd20, sd21, sd-turbo, sdxl, sdxl-inpainting, sdxl-refiner, sdxl-turbo, ssd-1b, vega");
  }
  EXPECT_FALSE(Preset("sd15").has("text_encoder_2"));
  EXPECT_THROW(Preset("sd15").config("text_encoder_2"), Error);
}

}  // namespace
}  // namespace sumi::test
