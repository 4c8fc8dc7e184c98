#pragma once

#include <cuda_runtime.h>
#include <source_location>

#include "core/check.h"

namespace sumi::cuda {

/// Throws what CUDA says of a call, with the place of the caller. Memory that is not there is Error(out_of_memory),
/// with the device as usable as before; anything else is Error(internal).
inline void check_cuda(cudaError_t status, std::string_view what,
                       const std::source_location& where = std::source_location::current()) {
  if (status == cudaSuccess) return;
  cudaGetLastError();  // else the next call that asks for it would find this one
  const bool memory = status == cudaErrorMemoryAllocation;
  fail(memory ? ErrorCode::out_of_memory : ErrorCode::internal, "cuda: {}: {}, {} ({}:{}){}", what,
       cudaGetErrorName(status), cudaGetErrorString(status), std::string_view(where.file_name()), where.line(),
       memory ? "; use a smaller picture or batch" : "");
}

}  // namespace sumi::cuda
