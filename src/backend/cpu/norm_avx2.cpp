#include "backend/cpu/norm_kernel.h"
#include "backend/cpu/simd_avx2.h"

namespace sumi::avx2 {

constexpr NormKernel norm_f32 = norm_kernel<Simd, float>();
constexpr NormKernel norm_bf16 = norm_kernel<Simd, std::uint16_t>();

}  // namespace sumi::avx2
