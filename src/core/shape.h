#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>

namespace sumi {

/// The extents of a tensor, outermost first; up to five axes. Pictures are (batch, height, width, channels).
class Shape {
 public:
  static constexpr int max_rank = 5;

  Shape() = default;
  Shape(std::initializer_list<std::int64_t> extents);
  explicit Shape(std::span<const std::int64_t> extents);

  int rank() const { return rank_; }
  /// Extent of an axis; negative axes count from the last.
  std::int64_t operator[](int axis) const { return extents_[index(axis)]; }
  std::int64_t& operator[](int axis) { return extents_[index(axis)]; }
  /// Number of elements; 1 for rank 0. Error(internal) where it does not fit 63 bits or an extent is negative.
  std::int64_t elements() const;
  const std::int64_t* begin() const { return extents_.data(); }
  const std::int64_t* end() const { return extents_.data() + rank_; }
  std::string text() const;  ///< "2x64x64x320", "scalar"

  auto operator<=>(const Shape&) const = default;

 private:
  std::size_t index(int axis) const;

  std::array<std::int64_t, max_rank> extents_{};
  int rank_ = 0;
};

inline std::string format_as(const Shape& shape) { return shape.text(); }

}  // namespace sumi
