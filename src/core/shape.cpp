#include "core/shape.h"

#include <algorithm>

#include <fmt/ranges.h>

#include "core/check.h"

namespace sumi {

Shape::Shape(std::initializer_list<std::int64_t> extents)
    : Shape(std::span<const std::int64_t>(extents.begin(), extents.size())) {}

Shape::Shape(std::span<const std::int64_t> extents) : rank_(static_cast<int>(extents.size())) {
  check(rank_ <= max_rank, ErrorCode::internal, "shape: {} axes, at most {} are supported", rank_, max_rank);
  std::copy(extents.begin(), extents.end(), extents_.begin());
}

std::size_t Shape::index(int axis) const {
  const int i = axis < 0 ? axis + rank_ : axis;
  check(i >= 0 && i < rank_, ErrorCode::internal, "shape: axis {} of a shape of {} axes", axis, rank_);
  return static_cast<std::size_t>(i);
}

std::int64_t Shape::elements() const {
  std::int64_t n = 1;
  for (const auto extent : *this) {
    check(extent >= 0 && !__builtin_mul_overflow(n, extent, &n), ErrorCode::internal, "shape: {} is not a size",
          text());
  }
  return n;
}

std::string Shape::text() const { return rank_ ? fmt::format("{}", fmt::join(begin(), end(), "x")) : "scalar"; }

}  // namespace sumi
