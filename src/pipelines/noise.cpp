#include "pipelines/noise.h"

#include <array>
#include <cmath>

#include "ops/noise.h"

namespace sumi {
namespace {

/// Part of the great circle from a to b (Shoemake, 1985), in a's place; straight where they nearly point the same way.
void go_round(std::span<float> a, std::span<const float> b, double part) {
  double aa = 0, bb = 0, ab = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double x = a[i], y = b[i];
    aa += x * x;
    bb += y * y;
    ab += x * y;
  }
  const double cosine = ab / std::sqrt(aa * bb);
  double from = 1 - part, to = part;
  if (std::abs(cosine) < .9995) {
    const double angle = std::acos(cosine);
    from = std::sin((1 - part) * angle) / std::sin(angle);
    to = std::sin(part * angle) / std::sin(angle);
  }
  for (std::size_t i = 0; i < a.size(); ++i) a[i] = static_cast<float>(from * a[i] + to * b[i]);
}

}  // namespace

Noise::Noise(Rng rng, std::span<const std::uint64_t> seeds, Shape latents, std::optional<Variation> variation)
    : shape_(latents), variation_(variation), rng_(rng) {
  for (const std::uint64_t seed : seeds) sources_.push_back(make_noise(rng, seed));
}

std::vector<float> Noise::draw_values(bool dry) {
  const std::int64_t pixels = shape_[1] * shape_[2], channels = shape_[3];
  std::vector<float> drawn(static_cast<std::size_t>(pixels * channels)), values;
  values.reserve(drawn.size() * sources_.size());
  for (auto& source : sources_) {
    if (!dry) source->fill(drawn);
    for (std::int64_t pixel = 0; pixel < pixels; ++pixel)
      for (std::int64_t c = 0; c < channels; ++c) values.push_back(drawn[static_cast<std::size_t>(c * pixels + pixel)]);
  }
  return values;
}

Tensor Noise::draw(Context& ctx) {
  const bool dry = ctx.backend.dry();
  if (rng_ == Rng::cpu) return ctx.upload(draw_values(dry), shape_);
  std::vector<PhiloxDraw> draws;
  for (auto& source : sources_) {
    PhiloxDraw& next = *source->next_draw();
    draws.push_back(next);
    if (!dry) ++next.offset;
  }
  return draw_noise(ctx, draws, shape_);
}

std::vector<float> Noise::draw_first_values(bool dry) {
  std::vector<float> values = draw_values(dry);
  if (!variation_ || dry) return values;
  const Shape one{1, shape_[1], shape_[2], shape_[3]};
  const std::vector<float> toward = Noise(rng_, std::array{variation_->seed}, one).draw_values(false);
  for (std::size_t i = 0; i < sources_.size(); ++i) {
    go_round(std::span(values).subspan(i * toward.size(), toward.size()), toward, variation_->strength);
  }
  return values;
}

Tensor Noise::draw_first(Context& ctx) {
  return variation_ ? ctx.upload(draw_first_values(ctx.backend.dry()), shape_) : draw(ctx);
}

}  // namespace sumi
