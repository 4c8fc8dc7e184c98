#include "backend/cpu/product_kernel.h"
#include "backend/cpu/simd_avx512.h"

namespace sumi::avx512 {

constexpr ProductKernel product = product_kernel<Simd, FloatFactors<Simd>>();

}  // namespace sumi::avx512
