#include "backend/cpu/pack_kernel.h"
#include "backend/cpu/simd_neon.h"

namespace sumi::neon {

constexpr PackKernel pack = pack_kernel<Simd>();

}  // namespace sumi::neon
