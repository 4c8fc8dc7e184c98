#include "core/tensor.h"

namespace sumi {

Tensor::Tensor(Arena& arena, Shape shape, DType type) : shape_(shape), dtype_(type), present_(true) {
  row_stride_ = shape.rank() ? shape[-1] : 1;
  block_ = std::make_shared<Block>(arena.take(bytes()));
  data_ = block_->data();
}

Tensor Tensor::wrap(const void* data, Shape shape, DType type) {
  Tensor tensor;
  tensor.shape_ = shape;
  tensor.dtype_ = type;
  tensor.present_ = true;
  tensor.row_stride_ = shape.rank() ? shape[-1] : 1;
  tensor.data_ = static_cast<std::byte*>(const_cast<void*>(data));
  return tensor;
}

Tensor Tensor::reshape(Shape shape) const {
  check(contiguous() && shape.elements() == elements(), ErrorCode::internal, "reshape: {} cannot become {}",
        shape_.text(), shape.text());
  Tensor view = *this;
  view.shape_ = shape;
  view.row_stride_ = shape.rank() ? shape[-1] : 1;
  return view;
}

Tensor Tensor::slice(std::int64_t begin, std::int64_t end) const {
  check(contiguous() && shape_.rank() > 0 && 0 <= begin && begin <= end && end <= shape_[0], ErrorCode::internal,
        "slice: {} to {} of {}", begin, end, shape_.text());
  Tensor view = *this;
  view.shape_[0] = end - begin;
  if (shape_.rank() == 1) view.row_stride_ = end - begin;
  if (data_ && shape_[0])
    view.data_ = data_ + static_cast<std::size_t>(begin) * (bytes() / static_cast<std::size_t>(shape_[0]));
  return view;
}

Tensor Tensor::columns(std::int64_t begin, std::int64_t end) const {
  check(shape_.rank() > 0 && 0 <= begin && begin <= end && end <= shape_[-1], ErrorCode::internal,
        "columns: {} to {} of {}", begin, end, shape_.text());
  Tensor view = *this;
  view.shape_[-1] = end - begin;
  if (data_) view.data_ = data_ + static_cast<std::size_t>(begin) * bytes_of(dtype_);
  return view;
}

}  // namespace sumi
