#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "core/rng.h"
#include "ops/context.h"
#include "sumi/request.h"

namespace sumi {

/// One generator a picture: its noise is that of its seed alone, whatever the batch.
class Noise {
 public:
  /// `latents`: (batch, height, width, channels), a seed for each of the batch.
  Noise(Rng rng, std::span<const std::uint64_t> seeds, Shape latents, std::optional<Variation> variation = {});

  /// Draws in the reference's order, channels outermost, and gives channels last.
  std::vector<float> draw_values(bool dry);
  /// The same; noise of Rng::philox is drawn where the tensor lies.
  Tensor draw(Context& ctx);
  /// The noise that pictures begin with: drawn, or on its way to another seed's.
  std::vector<float> draw_first_values(bool dry);
  Tensor draw_first(Context& ctx);
  const Shape& shape() const { return shape_; }

 private:
  Shape shape_;
  std::optional<Variation> variation_;
  Rng rng_;
  std::vector<std::unique_ptr<NoiseSource>> sources_;
};

}  // namespace sumi
