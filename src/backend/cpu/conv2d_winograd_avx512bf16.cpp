#include "backend/cpu/conv2d_winograd_kernel.h"
#include "backend/cpu/simd_avx512bf16.h"

namespace sumi::avx512bf16 {

constexpr WinogradKernel winograd_bf16_pairs = winograd_kernel<Simd, std::uint16_t, InPairs>();
constexpr WinogradKernel upsampled_bf16_pairs = winograd_kernel<Simd, std::uint16_t, UpsampledInPairs>();

}  // namespace sumi::avx512bf16
