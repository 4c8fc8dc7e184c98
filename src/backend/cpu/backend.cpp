#include "backend/cpu/cpu.h"
#include "backend/cpu/kernels.h"
#include "backend/cpu/layer_onednn.h"
#include "backend/ref/conv2d_repeated.h"
#include "backend/ref/host.h"
#include "backend/ref/plain.h"

namespace sumi {

namespace {

class CpuBackend final : public HostBackend {
 public:
  explicit CpuBackend(Isa isa) : HostBackend("cpu", isa >= Isa::avx512bf16 ? DType::bf16 : DType::f32), isa_(isa) {}
  double peak_gflops(DType type) const override { return measured_peak_gflops(type); }
  /// Without VNNI products of int8 take about as long as float32's.
  Gain gain(Rounding rounding) const override {
    if (rounding != Rounding::int8 || isa_ < Isa::neon) return Gain::none;
    return isa_ >= Isa::avx512vnni ? Gain::speed : Gain::memory;
  }

 private:
  Isa isa_;
};

}  // namespace

std::unique_ptr<Backend> make_cpu_backend() {
  const Isa isa = usable_isa();
  auto backend = std::make_unique<CpuBackend>(isa);
  Operations& operations = backend->operations();
  add_winograd(operations, isa);
  add_int8(operations, isa);
  onednn::add_layer<Conv2dOp>(operations, isa);
  add_repeated(operations, "ref", [](const auto& c, const auto& args) { ref::run(c, args); });
  add_emulated_winograd(operations, isa);
  // Without its kernels for x86 oneDNN is slower in all cases.
  add_panels(operations, isa, isa >= Isa::avx2 ? Panels::where_faster : Panels::everywhere);
  onednn::add_layer<LinearOp>(operations, isa);
  add_emulated_panels(operations, isa);
  add_attention(operations, isa);
  add_norms(operations, isa);
  add_elementwise(operations, isa);
  add_token_merging(operations);
  add_ref(operations);
  return backend;
}

}  // namespace sumi
