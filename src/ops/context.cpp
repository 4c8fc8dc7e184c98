#include "ops/context.h"

namespace sumi {
namespace {

template <class T>
Tensor upload_to(Context& ctx, std::span<const T> values, Shape shape) {
  check(static_cast<std::int64_t>(values.size()) == shape.elements(), ErrorCode::internal, "upload: {} values for {}",
        values.size(), shape.text());
  Tensor tensor = ctx.tensor(shape, dtype_of<T>());
  if (!ctx.backend.dry()) ctx.backend.upload(std::as_bytes(values), tensor.raw());
  return tensor;
}

}  // namespace

Tensor Context::upload(std::span<const float> values, Shape shape) { return upload_to(*this, values, shape); }
Tensor Context::upload(std::span<const std::int32_t> values, Shape shape) { return upload_to(*this, values, shape); }

std::vector<float> Context::download(const Tensor& tensor) {
  check(tensor.contiguous(), ErrorCode::internal, "download: {} is a view of columns", tensor.shape().text());
  std::vector<float> values(static_cast<std::size_t>(tensor.elements()));
  if (backend.dry()) return values;
  std::vector<std::byte> stored(tensor.bytes());
  backend.download(tensor.raw(), stored);
  to_float(tensor.dtype(), stored.data(), values);
  return values;
}

}  // namespace sumi
