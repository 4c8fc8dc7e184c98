// Draws where the tensor lies and draws on the host are one sequence.

#include "pipelines/noise.h"

#include <array>

#include <gtest/gtest.h>

#include "backend/device.h"
#include "backend/meta/meta.h"

namespace sumi::test {
namespace {

constexpr std::array<std::uint64_t, 3> seeds{42, 7, (1ull << 40) + 3};
const Shape shape{3, 5, 7, 4};

using Values = std::vector<float>;

class Noises : public testing::TestWithParam<Rng> {
 protected:
  Noise noise(std::optional<Variation> variation = {}) const { return {GetParam(), seeds, shape, variation}; }

  Device device_;
};

TEST_P(Noises, DrawnOnADeviceAreThoseOfTheHost) {
  Noise host = noise(), device = noise(), mixed = noise();
  for (int draw = 0; draw < 4; ++draw) {
    const Values expected = host.draw_values(false);
    const Tensor drawn = draw ? device.draw(device_.ctx) : device.draw_first(device_.ctx);
    EXPECT_EQ(drawn.shape(), shape);
    EXPECT_EQ(device_.values(drawn), expected) << draw;
    EXPECT_EQ(draw % 2 ? mixed.draw_values(false) : device_.values(mixed.draw(device_.ctx)), expected) << draw;
  }
}

TEST_P(Noises, OfAPictureAreItsSeedsAloneWithChannelsOutermost) {
  Values all;
  for (const std::uint64_t seed : seeds) {
    Values drawn(5 * 7 * 4);
    make_noise(GetParam(), seed)->fill(drawn);
    for (std::size_t pixel = 0; pixel < 5 * 7; ++pixel) {
      for (std::size_t channel = 0; channel < 4; ++channel) all.push_back(drawn[channel * 5 * 7 + pixel]);
    }
  }
  EXPECT_EQ(device_.values(noise().draw(device_.ctx)), all);
}

TEST_P(Noises, OfADryRunTakeTheSameMemoryAndNoDraw) {
  Noise dry = noise();
  const auto meta = make_meta_backend(*device_.backend);
  Arena arena = Arena::dry();
  Context planned{*meta, arena};
  dry.draw_first(planned);
  dry.draw(planned);
  Arena exact(device_.backend->allocate(arena.peak()), arena.peak());
  Context ctx{*device_.backend, exact};
  const Tensor drawn = dry.draw(ctx);
  EXPECT_EQ(exact.peak(), arena.peak());
  EXPECT_EQ(ctx.download(drawn), noise().draw_values(false));
}

TEST_P(Noises, OnTheWayToAVariationTakeOneDraw) {
  const Variation variation{.seed = 9, .strength = .3};
  Noise host = noise(variation), device = noise(variation), plain = noise();
  const Values varied = host.draw_first_values(false);
  EXPECT_EQ(device_.values(device.draw_first(device_.ctx)), varied);
  EXPECT_NE(plain.draw_values(false), varied);
  EXPECT_EQ(device_.values(device.draw(device_.ctx)), plain.draw_values(false));
}

/// Counts what the host sends.
class Counting final : public HostBackend {
 public:
  Counting() : HostBackend("counting", DType::f32) { add_ref(operations()); }
  void upload(std::span<const std::byte> from, std::byte* to) override {
    ++uploads;
    HostBackend::upload(from, to);
  }
  int uploads = 0;
};

TEST_P(Noises, AreUploadedWhereTheyComeOneAfterTheOther) {
  Counting backend;
  Arena arena(backend.allocate(Device::capacity), Device::capacity);
  Context ctx{backend, arena};
  Noise drawn = noise();
  drawn.draw_first(ctx);
  drawn.draw(ctx);
  EXPECT_EQ(backend.uploads, GetParam() == Rng::cpu ? 2 : 0);
}

INSTANTIATE_TEST_SUITE_P(Generators, Noises, testing::Values(Rng::cpu, Rng::philox),
                         [](const auto& each) { return each.param == Rng::cpu ? "Cpu" : "Philox"; });

}  // namespace
}  // namespace sumi::test
