#pragma once

#include "backend/ref/host.h"

namespace sumi::test {

/// A host backend with an arena and a context, as a pipeline has them.
struct Device {
  static constexpr std::size_t capacity = std::size_t{64} << 20;

  explicit Device(std::unique_ptr<Backend> made = make_ref_backend()) : backend(std::move(made)) {}

  Tensor tensor(Shape shape, const std::vector<float>& values) { return ctx.upload(values, shape); }
  std::vector<float> values(const Tensor& tensor) { return ctx.download(tensor); }

  std::unique_ptr<Backend> backend;
  Arena arena{backend->allocate(capacity), capacity};
  Context ctx{*backend, arena};
};

inline Weight weight(Shape shape, std::vector<float> values) { return Weight(values_source(shape, std::move(values))); }

}  // namespace sumi::test
