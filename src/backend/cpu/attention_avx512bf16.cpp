#include "backend/cpu/attention_flash_kernel.h"
#include "backend/cpu/simd_avx512bf16.h"

namespace sumi::avx512bf16 {

constexpr FlashKernel flash_bf16_pairs = flash_kernel<Simd, PairWords<Simd>>();

}  // namespace sumi::avx512bf16
