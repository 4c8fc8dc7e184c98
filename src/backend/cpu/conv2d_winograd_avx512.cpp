#include "backend/cpu/conv2d_winograd_kernel.h"
#include "backend/cpu/simd_avx512.h"

namespace sumi::avx512 {

constexpr WinogradKernel winograd_f32 = winograd_kernel<Simd, float>();
constexpr WinogradKernel winograd_bf16 = winograd_kernel<Simd, std::uint16_t>();

}  // namespace sumi::avx512
