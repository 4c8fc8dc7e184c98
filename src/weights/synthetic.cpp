#include <algorithm>
#include <array>
#include <cmath>
#include <mutex>
#include <utility>

#include "core/check.h"
#include "weights/checkpoint.h"

namespace sumi {
namespace {

std::uint64_t hash_of(std::string_view name, std::uint64_t seed) {
  std::uint64_t hash = 0xcbf29ce484222325u ^ (seed * 0x9e3779b97f4a7c15u);  // FNV-1a
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return hash ^ (hash >> 29);
}

/// Mixes 32 bits thoroughly. Two multiplications of this width vectorise, one of 64 bits does not.
std::uint32_t mix(std::uint32_t x) {
  x = (x ^ (x >> 16)) * 0x7feb352du;
  x = (x ^ (x >> 15)) * 0x846ca68bu;
  return x ^ (x >> 16);
}

template <class T>
void round_to(std::span<float> values) {
  for (float& value : values) value = static_cast<float>(T{value});
}

/// Values in offset +- reach, each a function of the key and its index, so that any thread can make any range.
class SyntheticSource final : public Source {
 public:
  SyntheticSource(Shape shape, DType stored, std::uint64_t key, float offset, float reach)
      : Source(shape, stored), key_(key), offset_(offset), reach_(reach) {}

  void read(std::int64_t first, std::span<float> out) const override {
    const auto low = static_cast<std::uint32_t>(key_);
    const auto high = static_cast<std::uint32_t>(key_ >> 32);
    for (std::size_t i = 0; i < out.size(); ++i) {
      const auto index = static_cast<std::uint64_t>(first) + i;
      // Mixing the upper half first keeps tensors of over 2^32 elements from repeating.
      const std::uint32_t bits =
          mix(static_cast<std::uint32_t>(index) ^ low) + mix(static_cast<std::uint32_t>(index >> 32) + high);
      out[i] = offset_ + reach_ * 0x1p-31f * static_cast<float>(static_cast<std::int32_t>(bits));
    }
    if (stored() == DType::bf16) round_to<bf16>(out);
    if (stored() == DType::f16) round_to<f16>(out);
  }

 private:
  std::uint64_t key_;
  float offset_, reach_;
};

class SyntheticCheckpoint final : public Checkpoint {
 public:
  SyntheticCheckpoint(DType stored, std::uint64_t seed, std::string where)
      : Checkpoint(std::move(where), {}), stored_(stored), seed_(seed) {}

  SourcePtr want(std::string_view name, const Shape& shape) override {
    const std::lock_guard lock(mutex_);
    if (auto known = find(name)) return known;
    return add(name, make(name, shape));
  }

 private:
  SourcePtr make(std::string_view name, const Shape& shape) const {
    float offset = 0, reach = 0.05f;
    if (shape.rank() > 1) {
      const auto rows = std::max<std::int64_t>(shape[0], 1);
      const auto fan_in = static_cast<float>(std::max<std::int64_t>(shape.elements() / rows, 1));
      reach = std::sqrt(3.0f / fan_in);  // a uniform value of +-r has the variance r^2 / 3
    } else if (name.ends_with("weight")) {
      offset = 1, reach = 0.1f;
    }
    return std::make_shared<SyntheticSource>(shape, stored_, hash_of(name, seed_), offset, reach);
  }

  DType stored_;
  std::uint64_t seed_;
  std::mutex mutex_;
};

}  // namespace

CheckpointPtr synthetic_checkpoint(DType stored, std::uint64_t seed, std::string where) {
  check(stored == DType::f32 || stored == DType::bf16 || stored == DType::f16, ErrorCode::usage,
        "synthetic weights are stored as f32, bf16 or f16, not {}", name_of(stored));
  return std::make_shared<SyntheticCheckpoint>(stored, seed, std::move(where));
}

}  // namespace sumi
