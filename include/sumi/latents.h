#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace sumi {

/// How many latents there are of each kind.
struct LatentShape {
  std::int64_t batch = 1;              ///< pictures
  std::int64_t height = 0, width = 0;  ///< of one picture: its pixels divided by the model's reduction, mostly 8
  std::int64_t channels = 0;

  /// Error(usage) for a side that is negative, or more than 2^40 values.
  std::int64_t values() const;
  std::string text() const;  ///< "1x64x64x4"
  bool operator==(const LatentShape&) const = default;
};

/// What a denoiser works on, float32 on the host: (batch, height, width, channels), row by row, channels last. The
/// numbers are scaled as the UNet sees them: finished latents have about unit variance.
class Latents {
 public:
  Latents() = default;
  /// All zeros.
  explicit Latents(const LatentShape& shape);
  /// Error(usage) where there are more or fewer values than the shape has.
  Latents(const LatentShape& shape, std::vector<float> values);

  const LatentShape& shape() const { return shape_; }
  std::span<float> values() { return values_; }
  std::span<const float> values() const { return values_; }
  /// Error(usage) outside of the shape.
  float& at(std::int64_t picture, std::int64_t y, std::int64_t x, std::int64_t channel);
  float at(std::int64_t picture, std::int64_t y, std::int64_t x, std::int64_t channel) const;
  /// The pictures [first, last). Error(usage) where there are none such.
  Latents pictures(std::int64_t first, std::int64_t last) const;

 private:
  std::size_t index(std::int64_t picture, std::int64_t y, std::int64_t x, std::int64_t channel) const;

  LatentShape shape_{.batch = 0};
  std::vector<float> values_;
};

}  // namespace sumi
