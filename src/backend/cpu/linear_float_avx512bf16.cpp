#include "backend/cpu/linear_float_words.h"
#include "backend/cpu/linear_panels_kernel.h"
#include "backend/cpu/simd_avx512bf16.h"

namespace sumi::avx512bf16 {

constexpr PanelKernel bf16_pair_panels = panel_kernel<Simd, PairPanels<Simd>>();

}  // namespace sumi::avx512bf16
