#include "models/taesd.h"

#include <gtest/gtest.h>

#include "models/model.h"
#include "models/reference.h"
#include "nn/on_host.h"
#include "support/scratch.h"

namespace sumi::test {
namespace {

Settings taesd_settings() {
  const auto path = model_path("taesd") / "config.json";
  return Settings(read_json(path), path.string());
}

Taesd load_taesd() {
  const Loader loader(open_checkpoint((model_path("taesd") / "diffusion_pytorch_model.safetensors").string()));
  Taesd taesd(TaesdConfig::from(taesd_settings()), loader);
  loader.finish();
  return taesd;
}

class TaesdAsTheReference : public testing::TestWithParam<std::string> {};

TEST_P(TaesdAsTheReference, Decodes) {
  const Taesd taesd = load_taesd();
  const Fixture fixture("taesd");
  const auto backend = make_host_backend(GetParam());
  const auto actual = run(
      *backend, [&](Context& ctx) { return taesd.decode(ctx, upload_channels_last(ctx, fixture, "input.latent")); });
  const auto expected = channels_last(fixture.values("image"), fixture.shape("image"));
  EXPECT_LT(largest_difference(actual, expected), 1e-5 * largest(expected));
}

TEST_P(TaesdAsTheReference, Encodes) {
  const Taesd taesd = load_taesd();
  const Fixture fixture("taesd");
  const auto backend = make_host_backend(GetParam());
  const auto actual =
      run(*backend, [&](Context& ctx) { return taesd.encode(ctx, upload_channels_last(ctx, fixture, "input.image")); });
  const auto expected = channels_last(fixture.values("latent"), fixture.shape("latent"));
  EXPECT_LT(largest_difference(actual, expected), 1e-5 * largest(expected));
}

INSTANTIATE_TEST_SUITE_P(Backends, TaesdAsTheReference, testing::ValuesIn(host_backends()),
                         [](const auto& each) { return each.param; });

TEST(Taesd, RefusesOtherConfigurations) {
  Json json = taesd_settings().json();
  const auto read = [&] { TaesdConfig::from(Settings(json, "config.json")); };
  json["act_fn"] = "gelu";
  expect_error(ErrorCode::unsupported, "act_fn", read);
  json["act_fn"] = "relu";
  json["encoder_block_out_channels"] = {16, 16, 16, 32};
  expect_error(ErrorCode::unsupported, "the same number everywhere", read);
  json["encoder_block_out_channels"] = {16, 16, 16, 16};
  json["num_encoder_blocks"] = {1, 3};
  expect_error(ErrorCode::bad_file, "2 levels, the decoder has 4", read);
}

}  // namespace
}  // namespace sumi::test
