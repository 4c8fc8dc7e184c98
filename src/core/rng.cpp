#include "core/rng.h"

#include <array>
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
  explicit PhiloxNoise(std::uint64_t seed) : seed_(seed) {}

  void fill(std::span<float> out) override {
    // Uniform in (0, 1]: u * 2^-32 + 2^-33, and the same times 2 pi.
    constexpr float unit = 0x1p-32f, turn = unit * 2 * std::numbers::pi_v<float>;
    for (std::size_t i = 0; i < out.size(); ++i) {
      const auto [u, v] = draw(i);
      const float radius = std::sqrt(-2 * std::log(static_cast<float>(u) * unit + unit / 2));
      out[i] = radius * std::sin(static_cast<float>(v) * turn + turn / 2);
    }
    if (!out.empty()) ++offset_;
  }

 private:
  std::array<std::uint32_t, 2> draw(std::uint64_t index) const {
    std::array<std::uint32_t, 4> c{offset_, 0, static_cast<std::uint32_t>(index),
                                   static_cast<std::uint32_t>(index >> 32)};
    std::array<std::uint32_t, 2> key{static_cast<std::uint32_t>(seed_), static_cast<std::uint32_t>(seed_ >> 32)};
    for (int round = 0; round < 10; ++round) {
      const std::uint64_t a = std::uint64_t{c[0]} * 0xD2511F53u, b = std::uint64_t{c[2]} * 0xCD9E8D57u;
      c = {static_cast<std::uint32_t>(b >> 32) ^ c[1] ^ key[0], static_cast<std::uint32_t>(b),
           static_cast<std::uint32_t>(a >> 32) ^ c[3] ^ key[1], static_cast<std::uint32_t>(a)};
      key[0] += 0x9E3779B9u;  // the golden ratio and the square root of 3, minus 1
      key[1] += 0xBB67AE85u;
    }
    return {c[0], c[1]};
  }

  std::uint64_t seed_;
  std::uint32_t offset_ = 0;
};

}  // namespace

std::unique_ptr<NoiseSource> make_noise(Rng kind, std::uint64_t seed) {
  if (kind == Rng::philox) return std::make_unique<PhiloxNoise>(seed);
  return std::make_unique<MersenneNoise>(seed);
}

std::uint64_t random_seed() { return std::random_device{}(); }

}  // namespace sumi
