#include "models/vae.h"

#include <gtest/gtest.h>

#include "models/model.h"
#include "models/reference.h"
#include "nn/on_host.h"

namespace sumi::test {
namespace {

class VaeAsTheReference : public testing::TestWithParam<std::string> {};

// Measured 7e-6 of the largest value.
TEST_P(VaeAsTheReference, Decodes) {
  const Vae vae = load_vae(ModelFolder(model_path("sd1")));
  const Fixture fixture("vae-decode");
  const auto backend = make_host_backend(GetParam());
  const auto actual =
      run(*backend, [&](Context& ctx) { return vae.decode(ctx, upload_channels_last(ctx, fixture, "input.latent")); });
  const auto expected = channels_last(fixture.values("image"), fixture.shape("image"));
  EXPECT_LT(largest_difference(actual, expected), 2e-5 * largest(expected));
}

TEST_P(VaeAsTheReference, Encodes) {
  const Vae vae = load_vae(ModelFolder(model_path("sd1")));
  const Fixture fixture("vae-encode");
  const auto backend = make_host_backend(GetParam());
  Vae::Gaussian actual;
  run(*backend, [&](Context& ctx) {
    const Tensor moments = vae.encode(ctx, upload_channels_last(ctx, fixture, "input.image"));
    actual = vae.gaussian(ctx, moments);
    return moments;
  });
  const auto mean = channels_last(fixture.values("mean"), fixture.shape("mean"));
  const auto log_variance = channels_last(fixture.values("logvar"), fixture.shape("logvar"));
  EXPECT_LT(largest_difference(actual.mean, mean), 1e-5 * largest(mean));
  EXPECT_LT(largest_difference(actual.log_variance, log_variance), 1e-5 * largest(log_variance));
}

INSTANTIATE_TEST_SUITE_P(Backends, VaeAsTheReference, testing::ValuesIn(host_backends()),
                         [](const auto& each) { return each.param; });

TEST(Vae, LimitsLogarithmsOfVariances) {
  const Vae vae = load_vae(ModelFolder(model_path("sd1")));
  const auto backend = make_ref_backend();
  Vae::Gaussian gaussian;
  run(*backend, [&](Context& ctx) {
    const Tensor moments = ctx.upload(std::vector<float>{1, 2, 3, 4, -99, -30, 20, 21}, {1, 1, 1, 8});
    gaussian = vae.gaussian(ctx, moments);
    return moments;
  });
  EXPECT_EQ(gaussian.mean, (std::vector<float>{1, 2, 3, 4}));
  EXPECT_EQ(gaussian.log_variance, (std::vector<float>{-30, -30, 20, 20}));
}

}  // namespace
}  // namespace sumi::test
