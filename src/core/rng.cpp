#include "core/rng.h"

#include <cmath>
#include <numbers>
#include <optional>
#include <random>

namespace sumi {
namespace {

constexpr std::size_t block = 16;

class MersenneNoise final : public NoiseSource {
 public:
  explicit MersenneNoise(std::uint64_t seed) : engine_(static_cast<std::uint32_t>(seed)) {}

  void fill(std::span<float> out) override {
    if (out.size() < block) {
      for (float& value : out) value = static_cast<float>(next());
      return;
    }
    for (float& value : out) value = uniform();
    for (std::size_t at = 0; at + block <= out.size(); at += block) box_muller(out.subspan(at).first<block>());
    if (out.size() % block) {  // the last block is drawn anew and overlaps the one before
      const auto last = out.last<block>();
      for (float& value : last) value = uniform();
      box_muller(last);
    }
  }

 private:
  float uniform() { return static_cast<float>(engine_() & 0xffffffu) * 0x1p-24f; }
  double uniform_double() {
    const std::uint64_t high = engine_();
    return static_cast<double>(((high << 32) | engine_()) & ((1ull << 53) - 1)) * 0x1p-53;
  }

  static void box_muller(std::span<float, block> values) {
    for (std::size_t i = 0; i < block / 2; ++i) {
      const float radius = std::sqrt(-2 * std::log(1 - values[i]));
      const float angle = 2 * std::numbers::pi_v<float> * values[i + block / 2];
      values[i] = radius * std::cos(angle);
      values[i + block / 2] = radius * std::sin(angle);
    }
  }

  double next() {
    if (spare_) {
      const double value = *spare_;
      spare_.reset();
      return value;
    }
    const double angle = 2 * std::numbers::pi * uniform_double();
    const double radius = std::sqrt(-2 * std::log1p(-uniform_double()));
    spare_ = radius * std::sin(angle);
    return radius * std::cos(angle);
  }

  std::mt19937 engine_;
  std::optional<double> spare_;
};

class PhiloxNoise final : public NoiseSource {
 public:
  explicit PhiloxNoise(std::uint64_t seed) : next_{seed} {}

  void fill(std::span<float> out) override {
    if (out.empty()) return;
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = normal(next_, i);
    ++next_.offset;
  }
  PhiloxDraw* next_draw() override { return &next_; }

 private:
  PhiloxDraw next_;
};

}  // namespace

std::unique_ptr<NoiseSource> make_noise(Rng kind, std::uint64_t seed) {
  if (kind == Rng::philox) return std::make_unique<PhiloxNoise>(seed);
  return std::make_unique<MersenneNoise>(seed);
}

float normal(const PhiloxDraw& draw, std::uint64_t number) {
  const auto [uniform, angle] = philox(draw, number);
  return std::sqrt(-2 * std::log(uniform)) * std::sin(angle);
}

std::uint64_t random_seed() { return std::random_device{}(); }

}  // namespace sumi
