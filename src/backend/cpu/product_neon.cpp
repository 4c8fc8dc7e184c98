#include "backend/cpu/product_kernel.h"
#include "backend/cpu/simd_neon.h"

namespace sumi::neon {

constexpr ProductKernel product = product_kernel<Simd, FloatFactors<Simd>>();

}  // namespace sumi::neon
