#include "backend/cuda/cudnn_graph.h"

#include <algorithm>
#include <array>

#include "core/check.h"

namespace sumi::cuda {
namespace {

constexpr std::int64_t first_between = 1000;  ///< tensors in memory have lower numbers

cudnnDataType_t type_of(DType type) {
  switch (type) {
    case DType::f16: return CUDNN_DATA_HALF;
    case DType::bf16: return CUDNN_DATA_BFLOAT16;
    default: return CUDNN_DATA_FLOAT;
  }
}

CudnnDescriptor describe(std::int64_t number, cudnnDataType_t type, const CudnnGraph::Extent& extent,
                         std::int64_t alignment) {
  CudnnDescriptor tensor(CUDNN_BACKEND_TENSOR_DESCRIPTOR);
  tensor.set(CUDNN_ATTR_TENSOR_UNIQUE_ID, number);
  tensor.set(CUDNN_ATTR_TENSOR_DATA_TYPE, type);
  tensor.set(CUDNN_ATTR_TENSOR_DIMENSIONS, std::span(extent.sizes));
  tensor.set(CUDNN_ATTR_TENSOR_STRIDES, std::span(extent.strides));
  tensor.set(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, alignment);
  return tensor;
}

CudnnDescriptor pointwise(cudnnPointwiseMode_t mode) {
  CudnnDescriptor operation(CUDNN_BACKEND_POINTWISE_DESCRIPTOR);
  operation.set(CUDNN_ATTR_POINTWISE_MODE, mode);
  operation.set(CUDNN_ATTR_POINTWISE_MATH_PREC, CUDNN_DATA_FLOAT);
  if (mode == CUDNN_POINTWISE_SWISH_FWD) operation.set(CUDNN_ATTR_POINTWISE_SWISH_BETA, 1.0f);
  operation.finish("pointwise operation");
  return operation;
}

/// What cuDNN says of an engine before it is used.
class Notes {
 public:
  explicit Notes(const CudnnDescriptor& config) {
    const auto engine = config.list(CUDNN_ATTR_ENGINECFG_ENGINE, CUDNN_BACKEND_ENGINE_DESCRIPTOR);
    numerical_ = engine.at(0).list<cudnnBackendNumericalNote_t>(CUDNN_ATTR_ENGINE_NUMERICAL_NOTE);
    behavior_ = engine.at(0).list<cudnnBackendBehaviorNote_t>(CUDNN_ATTR_ENGINE_BEHAVIOR_NOTE);
  }

  bool compiles() const { return has(behavior_, CUDNN_BEHAVIOR_NOTE_RUNTIME_COMPILATION); }
  /// The same seed gives the same picture, and sums are of float32, whatever the wish.
  bool keeps(const CudnnWish& wish) const {
    constexpr std::array never = {CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS,
                                  CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION,
                                  CUDNN_NUMERICAL_NOTE_FFT,
                                  CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC,
                                  CUDNN_NUMERICAL_NOTE_WINOGRAD_TILE_6x6,
                                  CUDNN_NUMERICAL_NOTE_WINOGRAD_TILE_13x13};
    const bool good = std::none_of(never.begin(), never.end(), [&](auto note) { return has(numerical_, note); });
    return good && (wish.tensor_cores || !has(numerical_, CUDNN_NUMERICAL_NOTE_TENSOR_CORE)) &&
           (wish.winograd || !has(numerical_, CUDNN_NUMERICAL_NOTE_WINOGRAD));
  }

 private:
  template <class Note>
  static bool has(const std::vector<Note>& notes, Note note) {
    return std::find(notes.begin(), notes.end(), note) != notes.end();
  }

  std::vector<cudnnBackendNumericalNote_t> numerical_;
  std::vector<cudnnBackendBehaviorNote_t> behavior_;
};

/// Nothing where a mode has no engine.
std::vector<CudnnDescriptor> proposals(const Cudnn& cudnn, const CudnnDescriptor& graph, cudnnBackendHeurMode_t mode) {
  CudnnDescriptor heuristics(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
  heuristics.set(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph);
  heuristics.set(CUDNN_ATTR_ENGINEHEUR_MODE, mode);
  if (cudnn.properties()) heuristics.set(CUDNN_ATTR_ENGINEHEUR_DEVICEPROP, *cudnn.properties());
  if (cudnn_functions()->finalize(heuristics.get()) != CUDNN_STATUS_SUCCESS) return {};
  return heuristics.list(CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_BACKEND_ENGINECFG_DESCRIPTOR);
}

}  // namespace

CudnnGraph::Node CudnnGraph::node(CudnnDescriptor tensor) {
  tensor.finish("tensor");
  tensors_.push_back(std::move(tensor));
  return tensors_.size() - 1;
}

CudnnDescriptor& CudnnGraph::operation(cudnnBackendDescriptorType_t type) { return operations_.emplace_back(type); }

CudnnGraph::Node CudnnGraph::tensor(std::int64_t place, DType type, const Extent& extent, std::int64_t alignment) {
  return node(describe(place, type_of(type), extent, alignment));
}

CudnnGraph::Node CudnnGraph::number(std::int64_t place) {
  CudnnDescriptor scalar = describe(place, CUDNN_DATA_FLOAT, {{1, 1, 1, 1}, {1, 1, 1, 1}}, sizeof(float));
  scalar.set(CUDNN_ATTR_TENSOR_IS_BY_VALUE, true);
  return node(std::move(scalar));
}

CudnnGraph::Node CudnnGraph::between(const Extent& extent) {
  const auto number = first_between + static_cast<std::int64_t>(tensors_.size());
  CudnnDescriptor tensor = describe(number, CUDNN_DATA_FLOAT, extent, 16);
  tensor.set(CUDNN_ATTR_TENSOR_IS_VIRTUAL, true);
  return node(std::move(tensor));
}

void CudnnGraph::convolve(Node x, Node weight, const Convolution& convolution, Node y) {
  const std::vector<std::int64_t> ones(convolution.strides.size(), 1);
  CudnnDescriptor how(CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR);
  how.set(CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_DATA_FLOAT);
  how.set(CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_CROSS_CORRELATION);
  how.set(CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, static_cast<std::int64_t>(ones.size()));
  how.set(CUDNN_ATTR_CONVOLUTION_DILATIONS, std::span(ones));
  how.set(CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, std::span(convolution.strides));
  how.set(CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, std::span(convolution.before));
  how.set(CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, std::span(convolution.after));
  how.finish("convolution");
  CudnnDescriptor& convolved = operation(CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR);
  convolved.set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC, how);
  convolved.set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X, tensors_[x]);
  convolved.set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W, tensors_[weight]);
  convolved.set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y, tensors_[y]);
  convolved.set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA, 1.0f);
  convolved.set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA, 0.0f);
  convolved.finish("convolution of a tensor");
}

void CudnnGraph::add(Node a, Node b, Node y) {
  CudnnDescriptor& sum = operation(CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR);
  sum.set(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, pointwise(CUDNN_POINTWISE_ADD));
  sum.set(CUDNN_ATTR_OPERATION_POINTWISE_XDESC, tensors_[a]);
  sum.set(CUDNN_ATTR_OPERATION_POINTWISE_BDESC, tensors_[b]);
  sum.set(CUDNN_ATTR_OPERATION_POINTWISE_YDESC, tensors_[y]);
  sum.finish("sum of two tensors");
}

void CudnnGraph::silu(Node x, Node y) {
  CudnnDescriptor& activated = operation(CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR);
  activated.set(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, pointwise(CUDNN_POINTWISE_SWISH_FWD));
  activated.set(CUDNN_ATTR_OPERATION_POINTWISE_XDESC, tensors_[x]);
  activated.set(CUDNN_ATTR_OPERATION_POINTWISE_YDESC, tensors_[y]);
  activated.finish("activation of a tensor");
}

void CudnnGraph::attend(Node q, Node k, Node v, Node scale, Node y) {
  CudnnDescriptor& attended = operation(CUDNN_BACKEND_OPERATION_SDPA_FWD_DESCRIPTOR);
  attended.set(CUDNN_ATTR_OPERATION_SDPA_FWD_QDESC, tensors_[q]);
  attended.set(CUDNN_ATTR_OPERATION_SDPA_FWD_KDESC, tensors_[k]);
  attended.set(CUDNN_ATTR_OPERATION_SDPA_FWD_VDESC, tensors_[v]);
  attended.set(CUDNN_ATTR_OPERATION_SDPA_FWD_SCALEDESC, tensors_[scale]);
  attended.set(CUDNN_ATTR_OPERATION_SDPA_FWD_ODESC, tensors_[y]);
  attended.finish("attention");
}

std::vector<CudnnEngine> CudnnGraph::engines(const Cudnn& cudnn, const CudnnWish& wish) {
  const std::lock_guard lock(cudnn.mutex());
  CudnnDescriptor& graph = graph_.emplace(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
  if (cudnn.handle()) graph.set(CUDNN_ATTR_OPERATIONGRAPH_HANDLE, cudnn.handle());
  graph.set(CUDNN_ATTR_OPERATIONGRAPH_OPS, operations_);
  graph.finish("graph of operations");
  std::vector<CudnnEngine> kept;
  int compiling = 0, ready = 0;
  for (const cudnnBackendHeurMode_t mode : {CUDNN_HEUR_MODE_A, CUDNN_HEUR_MODE_FALLBACK}) {
    for (CudnnDescriptor& config : proposals(cudnn, graph, mode)) {
      const Notes notes(config);
      const auto bytes = static_cast<std::size_t>(config.value<std::int64_t>(CUDNN_ATTR_ENGINECFG_WORKSPACE_SIZE));
      if (!notes.keeps(wish) || bytes > wish.most_scratch_bytes) continue;
      int& count = notes.compiles() ? compiling : ready;
      if (++count > (notes.compiles() ? wish.most_compiling : wish.most_ready)) continue;
      kept.push_back({std::move(config), bytes, notes.compiles()});
    }
  }
  return kept;
}

CudnnPlan::CudnnPlan(const Cudnn& cudnn, const CudnnEngine& engine)
    : cudnn_(&cudnn), plan_(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR) {
  const std::lock_guard lock(cudnn.mutex());
  plan_.set(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, engine.config);
  plan_.finish("plan");
}

CudnnPlan::CudnnPlan(const Cudnn& cudnn, std::string_view text)
    : cudnn_(&cudnn), plan_(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR) {
  const std::lock_guard lock(cudnn.mutex());
  if (cudnn.handle()) plan_.set(CUDNN_ATTR_EXECUTION_PLAN_HANDLE, cudnn.handle());
  if (cudnn.properties()) plan_.set(CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP, *cudnn.properties());
  plan_.set(CUDNN_ATTR_EXECUTION_PLAN_JSON_REPRESENTATION, std::span(text));
  plan_.finish("plan of a file");
}

std::size_t CudnnPlan::scratch_bytes() const {
  return static_cast<std::size_t>(plan_.value<std::int64_t>(CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE));
}

std::string CudnnPlan::text() const {
  const auto text = plan_.list<char>(CUDNN_ATTR_EXECUTION_PLAN_JSON_REPRESENTATION);
  return {text.begin(), text.end()};
}

void CudnnPlan::run(const Memory& memory, std::byte* scratch) const {
  std::vector<std::int64_t> places;
  std::vector<void*> addresses;
  for (const auto& [place, address] : memory) {
    places.push_back(place);
    addresses.push_back(const_cast<void*>(address));
  }
  CudnnDescriptor pack(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
  pack.set(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, std::span<const std::int64_t>(places));
  pack.set(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, std::span<void* const>(addresses));
  pack.set(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, static_cast<void*>(scratch));
  pack.finish("memory of a plan");
  const std::lock_guard lock(cudnn_->mutex());
  check_cudnn(cudnn_functions()->execute(cudnn_->handle(), plan_.get(), pack.get()), "work");
}

}  // namespace sumi::cuda
