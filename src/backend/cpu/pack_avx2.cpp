#include "backend/cpu/pack_kernel.h"
#include "backend/cpu/simd_avx2.h"

namespace sumi::avx2 {

constexpr PackKernel pack = pack_kernel<Simd>();

}  // namespace sumi::avx2
