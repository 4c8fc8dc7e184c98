#include "backend/cuda/cublas.h"

#include <optional>

#include "backend/cuda/library.h"
#include "core/check.h"

namespace sumi::cuda {
namespace {

std::optional<CublasFunctions> find_functions() {
  CublasFunctions all{};
  bool whole = true;
  const auto find = [&]<class Function>(Function& function, const char* name) {
    function = reinterpret_cast<Function>(cublas_library().function(name));
    whole = whole && function;
  };
  find(all.status_name, "cublasLtGetStatusName");
  find(all.create, "cublasLtCreate");
  find(all.destroy, "cublasLtDestroy");
  find(all.layout_create, "cublasLtMatrixLayoutCreate");
  find(all.layout_destroy, "cublasLtMatrixLayoutDestroy");
  find(all.desc_create, "cublasLtMatmulDescCreate");
  find(all.desc_destroy, "cublasLtMatmulDescDestroy");
  find(all.desc_set, "cublasLtMatmulDescSetAttribute");
  find(all.preference_create, "cublasLtMatmulPreferenceCreate");
  find(all.preference_destroy, "cublasLtMatmulPreferenceDestroy");
  find(all.preference_set, "cublasLtMatmulPreferenceSetAttribute");
  find(all.heuristic, "cublasLtMatmulAlgoGetHeuristic");
  find(all.algo_check, "cublasLtMatmulAlgoCheck");
  find(all.matmul, "cublasLtMatmul");
  return whole ? std::optional(all) : std::nullopt;
}

}  // namespace

const CublasFunctions* cublas_functions() {
  static const std::optional<CublasFunctions> functions = find_functions();
  return functions ? &*functions : nullptr;
}

void check_cublas(cublasStatus_t status, std::string_view what, const std::source_location& where) {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  fail(ErrorCode::internal, "cuBLASLt: {}: {} ({}:{})", what, cublas_functions()->status_name(status),
       std::string_view(where.file_name()), where.line());
}

CublasHandle make_handle(const Device& device) {
  device.use();
  const CublasFunctions& functions = *cublas_functions();
  cublasLtHandle_t handle = nullptr;
  check_cublas(functions.create(&handle), "handle");
  return {handle, functions.destroy};
}

CublasLayout make_layout(cudaDataType_t type, std::int64_t rows, std::int64_t columns) {
  const CublasFunctions& functions = *cublas_functions();
  cublasLtMatrixLayout_t layout = nullptr;
  check_cublas(functions.layout_create(&layout, type, static_cast<std::uint64_t>(rows),
                                       static_cast<std::uint64_t>(columns), rows),
               "layout of a matrix");
  return {layout, functions.layout_destroy};
}

CublasDesc make_desc(cublasComputeType_t compute) {
  const CublasFunctions& functions = *cublas_functions();
  cublasLtMatmulDesc_t desc = nullptr;
  check_cublas(functions.desc_create(&desc, compute, CUDA_R_32F), "description of a product");
  return {desc, functions.desc_destroy};
}

CublasPreference make_preference() {
  const CublasFunctions& functions = *cublas_functions();
  cublasLtMatmulPreference_t preference = nullptr;
  check_cublas(functions.preference_create(&preference), "conditions of a product");
  return {preference, functions.preference_destroy};
}

}  // namespace sumi::cuda
