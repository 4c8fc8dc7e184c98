#include "sumi/parts/noise.h"

#include "api/parts/state.h"
#include "core/check.h"
#include "pipelines/choices.h"
#include "pipelines/latents.h"

namespace sumi::parts {
namespace {

Shape checked(const LatentShape& shape, std::size_t seeds, const std::optional<Variation>& variation) {
  shape.values();  // refuses what is no shape
  check(static_cast<std::size_t>(shape.batch) == seeds, ErrorCode::usage, "noise for {} pictures: {} seeds given",
        shape.batch, seeds);
  if (variation) check_range("variation strength", variation->strength, 0, 1);
  return tensor_shape(shape);
}

}  // namespace

Noise::Noise(const LatentShape& shape, const std::vector<std::uint64_t>& seeds, Rng rng,
             std::optional<Variation> variation)
    : state_(
          std::make_unique<State>(State{sumi::Noise(rng, seeds, checked(shape, seeds.size(), variation), variation)})) {
}
Noise::Noise(Noise&&) noexcept = default;
Noise& Noise::operator=(Noise&&) noexcept = default;
Noise::~Noise() = default;

LatentShape Noise::shape() const { return latent_shape(state_->noise.shape()); }
Latents Noise::draw() { return {shape(), state_->noise.draw_values(false)}; }
Latents Noise::draw_first() { return {shape(), state_->noise.draw_first_values(false)}; }

}  // namespace sumi::parts
