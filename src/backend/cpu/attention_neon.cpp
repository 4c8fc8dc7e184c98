#include "backend/cpu/attention_flash_kernel.h"
#include "backend/cpu/simd_neon.h"

namespace sumi::neon {

constexpr FlashKernel flash_f32 = flash_kernel<Simd, Float32Words<Simd>>();
constexpr FlashKernel flash_bf16 = flash_kernel<Simd, WidenedWords<Simd>>();

}  // namespace sumi::neon
