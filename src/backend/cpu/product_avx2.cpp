#include "backend/cpu/product_kernel.h"
#include "backend/cpu/simd_avx2.h"

namespace sumi::avx2 {

constexpr ProductKernel product = product_kernel<Simd, FloatFactors<Simd>>();

}  // namespace sumi::avx2
