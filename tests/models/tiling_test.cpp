#include "models/tiling.h"

#include <gtest/gtest.h>

namespace sumi::test {
namespace {

// The reference: tiles of sample_size pixels, a quarter of which overlaps.
TEST(Tiling, OfPublishedSizesIsTheReferences) {
  const Tiling decoding = Tiling::of_decoding(512, 8), encoding = Tiling::of_encoding(512, 8);
  EXPECT_EQ(decoding.tile, 64);
  EXPECT_EQ(decoding.stride, 48);
  EXPECT_EQ(decoding.kept, 384);
  EXPECT_EQ(decoding.blend, 128);
  EXPECT_EQ(encoding.tile, 512);
  EXPECT_EQ(encoding.stride, 384);
  EXPECT_EQ(encoding.kept, 48);
  EXPECT_EQ(encoding.blend, 16);
}

/// Every value `times` as often along both sides.
Plane repeated(const Plane& plane, std::int64_t times) {
  Plane large{plane.height * times, plane.width * times, plane.channels, {}};
  for (std::int64_t y = 0; y < large.height; ++y) {
    for (std::int64_t x = 0; x < large.width; ++x) {
      large.values.push_back(plane.values[static_cast<std::size_t>(y / times * plane.width + x / times)]);
    }
  }
  return large;
}

/// The value at the corner of each `times` by `times`.
Plane thinned(const Plane& plane, std::int64_t times) {
  Plane small{plane.height / times, plane.width / times, plane.channels, {}};
  for (std::int64_t y = 0; y < small.height; ++y) {
    for (std::int64_t x = 0; x < small.width; ++x) {
      small.values.push_back(plane.values[static_cast<std::size_t>(y * times * plane.width + x * times)]);
    }
  }
  return small;
}

Plane counted(std::int64_t height, std::int64_t width) {
  Plane plane{height, width, 1, {}};
  for (std::int64_t i = 0; i < height * width; ++i) plane.values.push_back(static_cast<float>(i));
  return plane;
}

// What does not look beyond its tile gives the same in tiles as in one, whatever size a configuration names: 1 is the
// least, and no side but multiples of 4 latents divides evenly.
TEST(Tiling, OfAnySizeCoversTheWholeOnce) {
  constexpr std::int64_t kReduction = 8;
  for (const std::int64_t size : {1, 7, 8, 31, 33, 60, 64, 100}) {
    const Plane latents = counted(21, 34);
    const Tiling decoding = Tiling::of_decoding(size, kReduction);
    ASSERT_GT(decoding.stride, 0) << size;
    const auto decode = [](const Plane& tile) { return repeated(tile, kReduction); };
    const Plane picture = in_tiles(latents, decoding, decode), whole = decode(latents);
    EXPECT_EQ(picture.height, whole.height) << size;
    EXPECT_EQ(picture.width, whole.width) << size;
    ASSERT_EQ(picture.values.size(), whole.values.size()) << size;
    for (std::size_t i = 0; i < whole.values.size(); ++i) ASSERT_NEAR(picture.values[i], whole.values[i], 1e-3) << size;

    const Tiling encoding = Tiling::of_encoding(size, kReduction);
    ASSERT_GT(encoding.stride, 0) << size;
    const auto encode = [](const Plane& tile) { return thinned(tile, kReduction); };
    EXPECT_EQ(in_tiles(whole, encoding, encode).values.size(), latents.values.size()) << size;
  }
}

}  // namespace
}  // namespace sumi::test
