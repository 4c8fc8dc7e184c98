#include "backend/cpu/norm_kernel.h"
#include "backend/cpu/simd_neon.h"

namespace sumi::neon {

constexpr NormKernel norm_f32 = norm_kernel<Simd, float>();
constexpr NormKernel norm_bf16 = norm_kernel<Simd, std::uint16_t>();

}  // namespace sumi::neon
