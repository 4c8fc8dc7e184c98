#pragma once

#include <algorithm>
#include <memory>

#include "core/arena.h"
#include "core/check.h"
#include "core/dtype.h"
#include "core/shape.h"

namespace sumi {

/// A shape, a type, and shared memory; copying shares. Contiguous, row-major, channels last: pictures are
/// (batch, height, width, channels) and sequences (batch, tokens, channels), the same memory.
/// `columns` is the one view whose rows lie further apart; only attention takes such views.
/// In a dry run a tensor has no memory, and only its shape and type may be asked.
class Tensor {
 public:
  Tensor() = default;  ///< absent: an optional input that is not there
  Tensor(Arena& arena, Shape shape, DType type);
  /// Memory of someone else's, which outlives the tensor.
  static Tensor wrap(const void* data, Shape shape, DType type);

  explicit operator bool() const { return present_; }
  const Shape& shape() const { return shape_; }
  std::int64_t size(int axis) const { return shape_[axis]; }
  std::int64_t elements() const { return shape_.elements(); }
  /// Elements that share the last axis: the number of rows.
  std::int64_t rows() const { return shape_.rank() ? elements() / std::max<std::int64_t>(shape_[-1], 1) : 1; }
  DType dtype() const { return dtype_; }
  std::size_t bytes() const { return static_cast<std::size_t>(elements()) * bytes_of(dtype_); }
  /// Elements from one row of the last axis to the next.
  std::int64_t row_stride() const { return row_stride_; }
  bool contiguous() const { return row_stride_ == (shape_.rank() ? shape_[-1] : 1); }

  std::byte* raw() const { return data_; }
  template <class T>
  T* data() const {
    check(dtype_ == dtype_of<T>(), ErrorCode::internal, "tensor: holds {}, asked for {}", name_of(dtype_),
          name_of(dtype_of<T>()));
    return reinterpret_cast<T*>(data_);
  }

  /// The same memory with other axes.
  Tensor reshape(Shape shape) const;
  /// Indices [begin, end) of the first axis.
  Tensor slice(std::int64_t begin, std::int64_t end) const;
  /// Indices [begin, end) of the last axis; rows stay where they are.
  Tensor columns(std::int64_t begin, std::int64_t end) const;

 private:
  std::shared_ptr<Block> block_;
  std::byte* data_ = nullptr;
  Shape shape_;
  std::int64_t row_stride_ = 1;
  DType dtype_ = DType::f32;
  bool present_ = false;
};

}  // namespace sumi
