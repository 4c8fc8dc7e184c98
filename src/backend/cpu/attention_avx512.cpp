#include "backend/cpu/attention_flash_kernel.h"
#include "backend/cpu/simd_avx512.h"

namespace sumi::avx512 {

constexpr FlashKernel flash_f32 = flash_kernel<Simd, Float32Words<Simd>>();
constexpr FlashKernel flash_bf16 = flash_kernel<Simd, WidenedWords<Simd>>();
constexpr FlashKernel flash_bf16_pairs = flash_kernel<Simd, PairWords<Simd>>();

}  // namespace sumi::avx512
