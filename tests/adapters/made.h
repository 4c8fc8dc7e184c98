#pragma once

#include <string>
#include <vector>

#include "adapters/adapters.h"

namespace sumi::test {

/// Values in -1 to 1, others for every seed.
inline std::vector<float> noise(std::int64_t count, unsigned seed) {
  std::vector<float> values(static_cast<std::size_t>(count));
  std::uint32_t state = seed * 2654435761u + 1;
  for (float& value : values) {
    state = state * 1664525u + 1013904223u;
    value = static_cast<float>(static_cast<std::int32_t>(state)) * 0x1p-31f;
  }
  return values;
}

inline SourcePtr tensor(Shape shape, unsigned seed) { return values_source(shape, noise(shape.elements(), seed)); }
inline SourcePtr scalar(float value) { return values_source(Shape{}, {value}); }

/// A component of one weight, `layer.weight`, adapted.
struct OneLayer {
  explicit OneLayer(SourcePtr original, const std::string& name = "layer")
      : weight(std::move(original)),
        checkpoint(std::make_shared<AdaptedCheckpoint>(
            std::make_shared<Checkpoint>("model", TensorMap{{name + ".weight", weight}}))),
        adapted(checkpoint->find(name + ".weight")) {
    adapters.add_component("unet", checkpoint);
  }

  SourcePtr weight;
  std::shared_ptr<AdaptedCheckpoint> checkpoint;
  SourcePtr adapted;
  Adapters adapters;
};

}  // namespace sumi::test
