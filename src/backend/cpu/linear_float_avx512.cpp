#include "backend/cpu/linear_float_words.h"
#include "backend/cpu/linear_panels_kernel.h"
#include "backend/cpu/simd_avx512.h"

namespace sumi::avx512 {

constexpr PanelKernel f32_panels = panel_kernel<Simd, Float32Panels<Simd>>();
constexpr PanelKernel bf16_panels = panel_kernel<Simd, BFloat16Panels<Simd>>();
constexpr PanelKernel bf16_pair_panels = panel_kernel<Simd, PairPanels<Simd>>();

}  // namespace sumi::avx512
