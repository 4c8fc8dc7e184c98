#pragma once

#include <cublasLt.h>
#include <memory>
#include <source_location>
#include <string_view>
#include <type_traits>

#include "backend/cuda/device.h"

namespace sumi::cuda {

/// The functions of cuBLASLt that are used, by the names they have there after cublasLt, from a library that was
/// opened while the program runs.
struct CublasFunctions {
  decltype(&cublasLtGetStatusName) status_name;
  decltype(&cublasLtCreate) create;
  decltype(&cublasLtDestroy) destroy;
  decltype(&cublasLtMatrixLayoutCreate) layout_create;
  decltype(&cublasLtMatrixLayoutDestroy) layout_destroy;
  decltype(&cublasLtMatmulDescCreate) desc_create;
  decltype(&cublasLtMatmulDescDestroy) desc_destroy;
  decltype(&cublasLtMatmulDescSetAttribute) desc_set;
  decltype(&cublasLtMatmulPreferenceCreate) preference_create;
  decltype(&cublasLtMatmulPreferenceDestroy) preference_destroy;
  decltype(&cublasLtMatmulPreferenceSetAttribute) preference_set;
  decltype(&cublasLtMatmulAlgoGetHeuristic) heuristic;
  decltype(&cublasLtMatmulAlgoCheck) algo_check;
  decltype(&cublasLtMatmul) matmul;
};

/// Null where the library is missing or lacks one of them.
const CublasFunctions* cublas_functions();

/// Throws Error(internal) with what cuBLASLt says.
void check_cublas(cublasStatus_t status, std::string_view what,
                  const std::source_location& where = std::source_location::current());

/// Something of cuBLASLt's that is destroyed when it is no longer needed.
template <class Pointer>
using CublasOwned = std::unique_ptr<std::remove_pointer_t<Pointer>, cublasStatus_t (*)(Pointer)>;

using CublasHandle = CublasOwned<cublasLtHandle_t>;
using CublasLayout = CublasOwned<cublasLtMatrixLayout_t>;
using CublasDesc = CublasOwned<cublasLtMatmulDesc_t>;
using CublasPreference = CublasOwned<cublasLtMatmulPreference_t>;

/// These take the functions as given: Error(internal) where cuBLASLt refuses.
CublasHandle make_handle(const Device& device);
/// Columns of `rows` elements, one after the other: what is a matrix (columns, rows) to everyone else.
CublasLayout make_layout(cudaDataType_t type, std::int64_t rows, std::int64_t columns);
CublasDesc make_desc(cublasComputeType_t compute);
CublasPreference make_preference();

template <class T>
void set(const CublasDesc& desc, cublasLtMatmulDescAttributes_t attribute, const T& value) {
  check_cublas(cublas_functions()->desc_set(desc.get(), attribute, &value, sizeof(value)), "property of a product");
}
template <class T>
void set(const CublasPreference& preference, cublasLtMatmulPreferenceAttributes_t attribute, const T& value) {
  check_cublas(cublas_functions()->preference_set(preference.get(), attribute, &value, sizeof(value)),
               "condition of a product");
}

}  // namespace sumi::cuda
