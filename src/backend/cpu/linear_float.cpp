#include "backend/cpu/kernels.h"
#include "backend/cpu/linear_panels_op.h"
#include "backend/cpu/pack.h"
#include "core/threads.h"

namespace sumi {
namespace {

/// The kernels of one instruction set; either may be null.
struct Kernels {
  std::string_view name;
  const PanelKernel *f32, *bf16;
  bool multiplies_bf16 = false;  ///< in pairs, as oneDNN does
  const PanelKernel* of(DType type) const { return type == DType::f32 ? f32 : bf16; }
  std::string_view computes() const { return f32 && bf16 ? "f32 and bf16" : f32 ? "f32" : "bf16"; }
};

/// Linears whose sums are float32. The weight has the type of x in memory: where the processor has no arithmetic for
/// bf16, that is half the memory at the speed of float32.
class FloatLinear : public PanelLinear {
 public:
  FloatLinear(const Kernels& kernels, bool beside_onednn)
      : PanelLinear(kernels.name), kernels_(kernels), beside_onednn_(beside_onednn) {}

  void pack(const Case& c, const Plan& plan, const Source& source, std::byte* to) const override {
    const PanelCut& cut = cut_of(plan);
    const PanelKernel& kernel = this->kernel(c);
    const std::int64_t width = width_of(c, kernel), per_word = kernel.per_word;
    const std::int64_t panel = static_cast<std::int64_t>(cut.panel_bytes) / bytes_of(c.x);
    for (std::int64_t half = 0; half < (c.gated ? 2 : 1); ++half) {
      PackedLayout layout;
      for (std::int64_t o = 0; o < cut.panels * width; ++o) {
        layout.rows.push_back(o / width * panel + (half * width + o % width) * per_word);
      }
      for (std::int64_t i = 0; i < divide_up(c.in, per_word) * per_word; ++i) {
        layout.columns.push_back(i / per_word * kernel.panel_columns * per_word + i % per_word);
      }
      pack_matrix(source, {half * c.out, c.out}, layout, c.x, to);
    }
  }

 protected:
  std::string unsuited(const Case& c) const override {
    if (c.rounding != Rounding::none || !kernels_.of(c.x)) return fmt::format("computes {}", kernels_.computes());
    return beside_onednn_ && !faster(c) ? "oneDNN is as fast" : "";
  }
  const PanelKernel& kernel(const Case& c) const override { return *kernels_.of(c.x); }
  std::string layout(const Case& c) const override {
    return fmt::format("panels of {} {}{}", kernel(c).panel_columns, name_of(c.x), c.gated ? ", values and gates" : "");
  }
  DType packed_type(const Case& c) const override { return c.x; }

 private:
  /// Than oneDNN, which writes the values of gates to memory and reads them again, and widens all of a weight in bf16
  /// before it multiplies. So many times as fast, with two threads of an Ice Lake and, in brackets, with AVX2:
  ///   gated, f32      8192 rows of 320: 1.2 to 1.6 (1.9); 2048 of 640: 1.1 (1.3); 512 of 1280: 0.9 (1.0)
  ///   gated, bf16     0.9 to 1.6 (1.1 to 1.6)
  ///   bf16, few rows  128: 1.4 to 1.9; 2: 4
  ///   others          0.6 to 1.3
  /// and of a Zen 4 in pairs of bf16
  ///   gated           1.05 to 1.10
  ///   others          0.96 to 1.05
  bool faster(const Case& c) const {
    if (kernels_.multiplies_bf16) return c.gated;
    return c.x == DType::bf16 ? c.gated || c.rows <= 128 : c.gated && c.rows >= 1024;
  }

  Kernels kernels_;
  bool beside_onednn_;
};

}  // namespace

void add_panels(Operations& operations, Isa isa, Panels panels) {
  const auto add = [&](const Kernels& kernels) {
    operations.add<LinearOp>(std::make_unique<FloatLinear>(kernels, panels == Panels::where_faster));
  };
#if defined(__x86_64__)
  const bool widens = isa < Isa::avx512bf16;
  if (isa == Isa::avx512bf16) add({"panels-avx512bf16", nullptr, &avx512bf16::bf16_pair_panels, true});
  if (isa >= Isa::avx512) add({"panels-avx512", &avx512::f32_panels, widens ? &avx512::bf16_panels : nullptr});
  if (isa >= Isa::avx2) add({"panels-avx2", &avx2::f32_panels, widens ? &avx2::bf16_panels : nullptr});
#elif defined(__aarch64__)
  if (isa >= Isa::neon) add({"panels-neon", &neon::f32_panels, &neon::bf16_panels});
#endif
}

void add_emulated_panels([[maybe_unused]] Operations& operations, [[maybe_unused]] Isa isa) {
#if defined(__x86_64__)
  if (isa == Isa::avx512 || isa == Isa::avx512vnni) {
    constexpr Kernels kernels{"panels-pairs-avx512", nullptr, &avx512::bf16_pair_panels};
    operations.add<LinearOp>(std::make_unique<FloatLinear>(kernels, false));
  }
#endif
}

}  // namespace sumi
