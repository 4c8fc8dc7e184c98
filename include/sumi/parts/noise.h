#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "sumi/latents.h"
#include "sumi/request.h"

namespace sumi::parts {

/// Standard normal noise, one generator a picture: value by value what PyTorch draws for its seed, whatever the batch.
/// Successive draws continue.
class Noise {
 public:
  /// `shape.batch` seeds, one a picture; `variation` concerns `draw_first`. Error(usage) for another number of seeds.
  Noise(const LatentShape& shape, const std::vector<std::uint64_t>& seeds, Rng rng = Rng::cpu,
        std::optional<Variation> variation = {});
  Noise(Noise&&) noexcept;
  Noise& operator=(Noise&&) noexcept;
  ~Noise();

  LatentShape shape() const;
  /// (batch, height, width, channels) of the shape.
  Latents draw();
  /// What pictures begin with: as `draw`, and on its way to the variation's noise where there is one.
  Latents draw_first();

  struct State;
  /// For the other parts.
  State& state() const { return *state_; }

 private:
  std::unique_ptr<State> state_;
};

}  // namespace sumi::parts
