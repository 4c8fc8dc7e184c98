#include "backend/cpu/gate_kernel.h"
#include "backend/cpu/simd_neon.h"

namespace sumi::neon {

constexpr GateKernel gate_f32 = gate_kernel<Simd, float>();
constexpr GateKernel gate_bf16 = gate_kernel<Simd, std::uint16_t>();

}  // namespace sumi::neon
