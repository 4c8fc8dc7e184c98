#include "pipelines/enlarge.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace sumi {
namespace {

/// Between which two of the old places a new one lies, and how far from the first.
struct Place {
  std::int64_t first, second;
  float part;
};

std::vector<Place> places(std::int64_t from, std::int64_t to, bool nearest) {
  std::vector<Place> all;
  for (std::int64_t i = 0; i < to; ++i) {
    const std::int64_t below = i * from / to;
    if (nearest) {
      all.push_back({below, below, 0});
      continue;
    }
    const double at =
        std::max((static_cast<double>(i) + .5) * static_cast<double>(from) / static_cast<double>(to) - .5, 0.0);
    const auto first = std::min(static_cast<std::int64_t>(at), from - 1);
    all.push_back({first, std::min(first + 1, from - 1), static_cast<float>(at - static_cast<double>(first))});
  }
  return all;
}

}  // namespace

Latents enlarged(const Latents& latents, std::int64_t height, std::int64_t width, bool nearest) {
  const LatentShape& small = latents.shape();
  std::vector<float> values;
  const std::vector<Place> columns = places(small.width, width, nearest);
  const auto at = [&](std::int64_t y, std::int64_t x, std::int64_t c) { return latents.at(0, y, x, c); };
  const auto mix = [](float a, float b, float part) { return a + (b - a) * part; };
  for (const Place& y : places(small.height, height, nearest)) {
    for (const Place& x : columns) {
      for (std::int64_t c = 0; c < small.channels; ++c) {
        values.push_back(mix(mix(at(y.first, x.first, c), at(y.first, x.second, c), x.part),
                             mix(at(y.second, x.first, c), at(y.second, x.second, c), x.part), y.part));
      }
    }
  }
  return {{1, height, width, small.channels}, std::move(values)};
}

}  // namespace sumi
