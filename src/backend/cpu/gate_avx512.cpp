#include "backend/cpu/gate_kernel.h"
#include "backend/cpu/simd_avx512.h"

namespace sumi::avx512 {

constexpr GateKernel gate_f32 = gate_kernel<Simd, float>();
constexpr GateKernel gate_bf16 = gate_kernel<Simd, std::uint16_t>();

}  // namespace sumi::avx512
