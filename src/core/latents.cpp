#include "sumi/latents.h"

#include <algorithm>
#include <utility>

#include "core/check.h"

namespace sumi {
namespace {

constexpr std::int64_t kMost = std::int64_t{1} << 40;

}  // namespace

std::int64_t LatentShape::values() const {
  std::int64_t product = 1;
  for (const std::int64_t side : {batch, height, width, channels}) {
    check(side >= 0 && side <= kMost && product <= kMost / std::max<std::int64_t>(side, 1), ErrorCode::usage,
          "latents {}: no such shape", text());
    product *= side;
  }
  return product;
}

std::string LatentShape::text() const { return fmt::format("{}x{}x{}x{}", batch, height, width, channels); }

Latents::Latents(const LatentShape& shape) : shape_(shape), values_(static_cast<std::size_t>(shape.values())) {}

Latents::Latents(const LatentShape& shape, std::vector<float> values) : shape_(shape), values_(std::move(values)) {
  check(static_cast<std::int64_t>(values_.size()) == shape.values(), ErrorCode::usage, "latents {}: {} values given",
        shape.text(), values_.size());
}

std::size_t Latents::index(std::int64_t picture, std::int64_t y, std::int64_t x, std::int64_t channel) const {
  const auto within = [](std::int64_t i, std::int64_t n) { return i >= 0 && i < n; };
  check(within(picture, shape_.batch) && within(y, shape_.height) && within(x, shape_.width) &&
            within(channel, shape_.channels),
        ErrorCode::usage, "latents {}: there is no ({}, {}, {}, {})", shape_.text(), picture, y, x, channel);
  return static_cast<std::size_t>(((picture * shape_.height + y) * shape_.width + x) * shape_.channels + channel);
}

float& Latents::at(std::int64_t picture, std::int64_t y, std::int64_t x, std::int64_t channel) {
  return values_[index(picture, y, x, channel)];
}

float Latents::at(std::int64_t picture, std::int64_t y, std::int64_t x, std::int64_t channel) const {
  return values_[index(picture, y, x, channel)];
}

Latents Latents::pictures(std::int64_t first, std::int64_t last) const {
  check(first >= 0 && first <= last && last <= shape_.batch, ErrorCode::usage,
        "latents {}: there are no pictures {} to {}", shape_.text(), first, last);
  LatentShape shape = shape_;
  shape.batch = last - first;
  const auto begin = values_.begin() + first * (shape.values() / std::max<std::int64_t>(shape.batch, 1));
  return {shape, std::vector(begin, begin + shape.values())};
}

}  // namespace sumi
