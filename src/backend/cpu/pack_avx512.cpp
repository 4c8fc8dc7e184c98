#include "backend/cpu/pack_kernel.h"
#include "backend/cpu/simd_avx512.h"

namespace sumi::avx512 {

constexpr PackKernel pack = pack_kernel<Simd>();

}  // namespace sumi::avx512
