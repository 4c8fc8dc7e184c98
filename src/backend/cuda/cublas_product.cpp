#include "backend/cuda/cublas_product.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "backend/cuda/fastest.h"
#include "core/arena.h"
#include "core/check.h"

namespace sumi::cuda {
namespace {

constexpr int most_ways = 8;

cudaDataType_t cuda_type(DType type) {
  switch (type) {
    case DType::f16: return CUDA_R_16F;
    case DType::bf16: return CUDA_R_16BF;
    default: return CUDA_R_32F;
  }
}

cudaDataType_t factor_type(const CublasProduct::Shape& s) { return s.fp8 ? CUDA_R_8F_E4M3 : cuda_type(s.x); }

cublasComputeType_t compute_type(const Device& device, DType x) {
  return x == DType::f32 && device.tf32() ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F;
}

/// As NVIDIA sizes the workspace of a handle of cuBLAS: it gives split sums a place, and Hopper's kernels their tables.
std::size_t most_workspace_bytes(const Device& device) {
  return std::size_t{device.capability() >= 90 ? 32u : 4u} << 20;
}

/// What addresses of rows of so many elements are multiples of, if a block of an arena begins with a row.
std::uint32_t alignment_of(std::int64_t columns, std::size_t bytes_of_each) {
  const auto bytes = static_cast<std::uint64_t>(columns) * bytes_of_each;
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(bytes & (~bytes + 1), Arena::alignment));
}

std::string key_of(const Device& device, const CublasProduct::Shape& s) {
  return fmt::format("product {}x{} -> {} {} -> {}{}{}{}", s.rows, s.in, s.out, s.fp8 ? "e4m3" : name_of(s.x),
                     name_of(s.y), s.bias ? " +bias" : "", s.residual ? " +residual" : "",
                     compute_type(device, s.x) == CUBLAS_COMPUTE_32F ? "" : " tf32");
}

}  // namespace

CublasProduct::CublasProduct(const Device& device, const CublasHandle& handle, PlanFile& plans, const Shape& s)
    : device_(device),
      handle_(handle),
      plans_(plans),
      key_(key_of(device, s)),
      // cuBLASLt has columns side by side: its w is (in, out), its x (in, rows), its y = w^T x (out, rows).
      w_(make_layout(factor_type(s), s.in, s.out)),
      x_(make_layout(factor_type(s), s.in, s.rows)),
      y_(make_layout(cuda_type(s.y), s.out, s.rows)),
      desc_(make_desc(compute_type(device, s.x))) {
  device.use();
  describe(s);
  if (const auto way = known_way()) {
    ways_ = {*way};
  } else {
    ways_ = proposed_ways(s);
  }
  is_settled_ = ways_.size() <= 1;
}

void CublasProduct::describe(const Shape& s) {
  set(desc_, CUBLASLT_MATMUL_DESC_TRANSA, CUBLAS_OP_T);
  if (s.fp8) {
    for (const auto attribute : {CUBLASLT_MATMUL_DESC_A_SCALE_MODE, CUBLASLT_MATMUL_DESC_B_SCALE_MODE}) {
      set(desc_, attribute, static_cast<std::int32_t>(CUBLASLT_MATMUL_MATRIX_SCALE_OUTER_VEC_32F));
    }
    set_steps(reinterpret_cast<const float*>(Arena::alignment), reinterpret_cast<const float*>(Arena::alignment));
  }
  if (!s.bias) return;
  set(desc_, CUBLASLT_MATMUL_DESC_EPILOGUE, CUBLASLT_EPILOGUE_BIAS);
  set(desc_, CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE, static_cast<std::int32_t>(cuda_type(s.y)));
  // Until there is one: what is proposed depends on its alignment.
  set(desc_, CUBLASLT_MATMUL_DESC_BIAS_POINTER, reinterpret_cast<const void*>(Arena::alignment));
}

void CublasProduct::set_steps(const float* w, const float* x) const {
  set(desc_, CUBLASLT_MATMUL_DESC_A_SCALE_POINTER, w);
  set(desc_, CUBLASLT_MATMUL_DESC_B_SCALE_POINTER, x);
}

/// A file may hold anything: cuBLASLt says whether it is a way for this product.
std::optional<CublasProduct::Way> CublasProduct::known_way() const {
  const auto bytes = plans_.find(key_);
  Way way{};
  if (!bytes || bytes->size() != sizeof(way.algo)) return std::nullopt;
  std::memcpy(&way.algo, bytes->data(), sizeof(way.algo));
  cublasLtMatmulHeuristicResult_t result{};
  const cublasStatus_t status = cublas_functions()->algo_check(handle_.get(), desc_.get(), w_.get(), x_.get(), y_.get(),
                                                               y_.get(), &way.algo, &result);
  way.workspace_bytes = result.workspaceSize;
  const bool good = status == CUBLAS_STATUS_SUCCESS && way.workspace_bytes <= most_workspace_bytes(device_);
  return good ? std::optional(way) : std::nullopt;
}

std::vector<CublasProduct::Way> CublasProduct::proposed_ways(const Shape& s) const {
  const CublasPreference preference = make_preference();
  set(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, most_workspace_bytes(device_));
  // Parts of a sum are added up in float32.
  set(preference, CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK,
      static_cast<std::uint32_t>(CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE));
  const std::uint32_t factors = alignment_of(s.in, s.fp8 ? 1 : bytes_of(s.x)), y = alignment_of(s.out, bytes_of(s.y));
  set(preference, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, factors);
  set(preference, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, factors);
  set(preference, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, y);
  set(preference, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, y);
  std::array<cublasLtMatmulHeuristicResult_t, most_ways> results{};
  int count = 0;
  const cublasStatus_t status =
      cublas_functions()->heuristic(handle_.get(), desc_.get(), w_.get(), x_.get(), y_.get(), y_.get(),
                                    preference.get(), most_ways, results.data(), &count);
  if (status == CUBLAS_STATUS_NOT_SUPPORTED || status == CUBLAS_STATUS_INVALID_VALUE) return {};
  check_cublas(status, "choice of an algorithm");
  std::vector<Way> ways;
  for (int i = 0; i < count; ++i) {
    const auto& result = results[static_cast<std::size_t>(i)];
    if (result.state == CUBLAS_STATUS_SUCCESS) ways.push_back({result.algo, result.workspaceSize});
  }
  return ways;
}

std::size_t CublasProduct::workspace_bytes() const {
  std::size_t most = 0;
  for (const Way& way : ways_) most = std::max(most, way.workspace_bytes);
  return most;
}

cublasStatus_t CublasProduct::queue(const Way& way, const Memory& memory) const {
  if (memory.bias) set(desc_, CUBLASLT_MATMUL_DESC_BIAS_POINTER, memory.bias);
  if (memory.x_steps) set_steps(memory.w_steps, memory.x_steps);
  const float one = 1, kept = memory.residual ? 1 : 0;
  return cublas_functions()->matmul(handle_.get(), desc_.get(), &one, memory.w, w_.get(), memory.x, x_.get(), &kept,
                                    memory.residual ? memory.residual : memory.y, y_.get(), memory.y, y_.get(),
                                    &way.algo, memory.workspace, way.workspace_bytes, device_.stream());
}

void CublasProduct::settle(const Memory& memory) const {
  if (is_settled_ || memory.residual == memory.y) return;
  const auto best =
      fastest(device_, ways_.size(), [&](std::size_t i) { return queue(ways_[i], memory) == CUBLAS_STATUS_SUCCESS; });
  if (!best) return;
  settled_ = *best;
  is_settled_ = true;
  plans_.keep(key_, std::as_bytes(std::span(&ways_[settled_].algo, 1)));
}

void CublasProduct::run(const Memory& memory) const {
  const std::lock_guard lock(mutex_);
  settle(memory);
  check_cublas(queue(ways_[settled_], memory), key_);
}

}  // namespace sumi::cuda
