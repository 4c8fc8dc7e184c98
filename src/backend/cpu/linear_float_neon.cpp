#include "backend/cpu/linear_float_words.h"
#include "backend/cpu/linear_panels_kernel.h"
#include "backend/cpu/simd_neon.h"

namespace sumi::neon {

constexpr PanelKernel f32_panels = panel_kernel<Simd, Float32Panels<Simd>>();
constexpr PanelKernel bf16_panels = panel_kernel<Simd, BFloat16Panels<Simd>>();

}  // namespace sumi::neon
