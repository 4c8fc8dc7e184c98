#pragma once

#include <functional>
#include <numeric>

#include "backend/cpu/layer_onednn.h"
#include "core/arena.h"

/// What planning a layer leaves for running and packing it.
namespace sumi::onednn {

inline std::int64_t elements(const memory::dims& dims) {
  return std::accumulate(dims.begin(), dims.end(), std::int64_t{1}, std::multiplies<>());
}

inline std::size_t bytes(const memory::dims& dims, DType type) {
  return static_cast<std::size_t>(elements(dims)) * bytes_of(type);
}

inline std::size_t aligned(std::size_t size) {
  return (size + Arena::alignment - 1) / Arena::alignment * Arena::alignment;
}

/// What y holds before the last step, which adds to it.
enum class Start { none, row, residual };

/// One primitive of a layer. A gated layer has two: values, then gates.
struct Step {
  Problem problem;
  memory::desc weights, scratchpad;
  dnnl::primitive primitive;
};

/// Where things lie in scratch. Widened layers have float32 copies of what is bf16 outside.
struct Places {
  std::size_t weights = 0, x = 0, y = 0, value = 0, residual = 0, scratchpad = 0;
};

struct State {
  Layer layer;
  std::int64_t part;  ///< rows that the steps compute at a time; all pictures of a convolution
  bool widened;
  Start start;
  int threads;  ///< that the primitives divide their work by
  std::vector<Step> steps;
  Places places;

  DType computed(DType type) const { return widened ? DType::f32 : type; }
  /// Bytes of one step's weights as the primitive reads them and as they are kept; the next step's follow.
  std::size_t step_bytes() const { return aligned(steps.front().weights.get_size()); }
  std::size_t packed_step_bytes() const { return aligned(steps.front().weights.get_size() / (widened ? 2 : 1)); }
};

}  // namespace sumi::onednn
