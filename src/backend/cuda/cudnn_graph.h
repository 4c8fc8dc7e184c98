#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "backend/cuda/cudnn.h"
#include "core/dtype.h"

namespace sumi::cuda {

/// A way that cuDNN proposes to compute a graph: an engine with its settings.
struct CudnnEngine {
  CudnnDescriptor config;
  std::size_t scratch_bytes;
  bool compiles;  ///< its kernel for just this graph, which takes some 0.4 s of one core
};

/// Conditions for engines, and how many are wanted.
struct CudnnWish {
  bool tensor_cores = true;  ///< for float32: factors rounded to tf32
  bool winograd = false;
  std::size_t most_scratch_bytes = 0;
  int most_compiling = 0, most_ready = 0;
};

/// What cuDNN computes in one go: operations, the tensors in memory that they take and give, and those in between that
/// never reach memory. Throws Error(internal) where cuDNN refuses.
class CudnnGraph {
 public:
  /// Sizes and strides in elements, in cuDNN's order of axes: batch, channels, height, width; batch, heads, tokens,
  /// channels. The memory need not be in that order.
  struct Extent {
    std::vector<std::int64_t> sizes, strides;
  };
  using Node = std::size_t;  ///< a tensor of the graph
  struct Convolution {
    std::vector<std::int64_t> before, after, strides;  ///< padding and steps along height and width
  };

  /// A tensor in memory, of which a plan is told the address by this `place`. Addresses are multiples of `alignment`.
  Node tensor(std::int64_t place, DType type, const Extent& extent, std::int64_t alignment);
  /// A float32 in the host's memory.
  Node number(std::int64_t place);
  /// float32 between two operations.
  Node between(const Extent& extent);

  void convolve(Node x, Node weight, const Convolution& convolution, Node y);
  void add(Node a, Node b, Node y);
  void silu(Node x, Node y);
  /// softmax(q k^T * scale) v
  void attend(Node q, Node k, Node v, Node scale, Node y);

  /// Ends the graph, once: engines that keep the conditions, those first that cuDNN expects to be fastest. The graph
  /// outlives them.
  std::vector<CudnnEngine> engines(const Cudnn& cudnn, const CudnnWish& wish);

 private:
  Node node(CudnnDescriptor tensor);
  CudnnDescriptor& operation(cudnnBackendDescriptorType_t type);

  std::vector<CudnnDescriptor> tensors_, operations_;
  std::optional<CudnnDescriptor> graph_;
};

/// A graph's way to be computed, compiled and ready to run.
class CudnnPlan {
 public:
  /// The tensors in memory by their places.
  using Memory = std::vector<std::pair<std::int64_t, const void*>>;

  /// Error(internal) where cuDNN finds only now that it cannot.
  CudnnPlan(const Cudnn& cudnn, const CudnnEngine& engine);
  /// As `text` tells it: the same engine with its code. Error(internal) for one of another version or device.
  CudnnPlan(const Cudnn& cudnn, std::string_view text);

  std::size_t scratch_bytes() const;
  std::string text() const;
  /// Queues it.
  void run(const Memory& memory, std::byte* scratch) const;

 private:
  const Cudnn* cudnn_;
  CudnnDescriptor plan_;
};

}  // namespace sumi::cuda
