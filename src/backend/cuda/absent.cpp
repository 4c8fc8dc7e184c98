#include "backend/cuda/cuda.h"
#include "core/check.h"

// In builds without the CUDA toolkit.
namespace sumi {

std::unique_ptr<Backend> make_cuda_backend(const CudaOptions&) {
  fail(ErrorCode::unsupported, "device 'cuda': this program was built without CUDA; docs/cuda.md says how to build it");
}

std::vector<std::pair<std::string, std::string>> describe_cuda() { return {{"CUDA", "not in this build"}}; }

int cuda_devices() { return 0; }

}  // namespace sumi
