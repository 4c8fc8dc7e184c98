#include "backend/cpu/cpu.h"
#include "backend/cuda/cuda.h"
#include "backend/ref/host.h"
#include "reference/cases.h"

namespace sumi::test {
namespace {

/// Decodes in bfloat16 where a GPU does: the plain operations show what that costs.
class PlainBackend final : public HostBackend {
 public:
  PlainBackend() : HostBackend("ref", DType::f32) { add_ref(operations()); }
  DType wide_type() const override { return DType::bf16; }
};

}  // namespace

std::unique_ptr<Backend> Device::backend() const {
  if (name == "cuda") return make_cuda_backend({.memory = memory});
  if (name == "cpu") return make_cpu_backend();
  return std::make_unique<PlainBackend>();
}

}  // namespace sumi::test
