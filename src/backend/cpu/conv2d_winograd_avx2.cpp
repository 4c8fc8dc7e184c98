#include "backend/cpu/conv2d_winograd_kernel.h"
#include "backend/cpu/simd_avx2.h"

namespace sumi::avx2 {

constexpr WinogradKernel winograd_f32 = winograd_kernel<Simd, float, InFloats>();
constexpr WinogradKernel winograd_bf16 = winograd_kernel<Simd, std::uint16_t, InFloats>();
constexpr WinogradKernel upsampled_f32 = winograd_kernel<Simd, float, UpsampledInFloats>();
constexpr WinogradKernel upsampled_bf16 = winograd_kernel<Simd, std::uint16_t, UpsampledInFloats>();

}  // namespace sumi::avx2
