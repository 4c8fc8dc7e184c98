#pragma once

#include <string>
#include <vector>

#include "sumi/engine.h"
#include "support/fixture.h"

namespace sumi::test {

/// The model that comes with Sumi, or a tiny random one of the fixtures; in float32.
inline EngineOptions options_of(const std::string& model) {
  const auto folder =
      model == "emoji" ? std::filesystem::path(SUMI_SOURCE_DIR) / "models/emoji" : fixtures() / "models" / model;
  return {.model = folder.string(), .dtype = "f32", .threads = 2};
}

/// A picture of colours that change from place to place.
inline Image gradient(int width, int height) {
  Image image{.width = width, .height = height};
  for (int i = 0; i < width * height; ++i) {
    const int x = i % width, y = i / width;
    for (const int level : {x * 255 / width, y * 255 / height, (x * 7 + y * 3) % 256}) {
      image.rgb.push_back(static_cast<std::uint8_t>(level));
    }
  }
  return image;
}

inline std::vector<float> values_of(const Latents& latents) {
  return {latents.values().begin(), latents.values().end()};
}

}  // namespace sumi::test
