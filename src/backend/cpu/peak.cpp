#include <algorithm>

#include "backend/cpu/cpu.h"
#include "backend/cpu/isa.h"
#include "core/stopwatch.h"
#include "core/threads.h"

namespace sumi {
namespace {

/// A loop that does nothing but multiply and add in registers, and the multiplications and additions of one turn.
struct Kernel {
  void (*run)(long turns);
  double flops;
};

#if defined(__x86_64__)
// Assembly text needs no flags of its own for the instruction set. Twelve sums hide the latency of four cycles on two
// units. Only registers that every x86-64 has are touched.
#define SUMI_TWELVE(op, r, a, b)                                                                                    \
  op " %%" r a ",%%" r b ",%%" r "0\n" op " %%" r a ",%%" r b ",%%" r "1\n" op " %%" r a ",%%" r b ",%%" r "2\n" op \
     " %%" r a ",%%" r b ",%%" r "3\n" op " %%" r a ",%%" r b ",%%" r "4\n" op " %%" r a ",%%" r b ",%%" r "5\n" op \
     " %%" r a ",%%" r b ",%%" r "6\n" op " %%" r a ",%%" r b ",%%" r "7\n" op " %%" r a ",%%" r b ",%%" r "8\n" op \
     " %%" r a ",%%" r b ",%%" r "9\n" op " %%" r a ",%%" r b ",%%" r "10\n" op " %%" r a ",%%" r b ",%%" r "11\n"
#define SUMI_PEAK_KERNEL(name, op, r)                                                                             \
  void name(long turns) {                                                                                         \
    asm volatile("vzeroall\n1:\n" SUMI_TWELVE(op, r, "12", "13") "dec %0\njnz 1b\nvzeroupper\n"                   \
                 : "+r"(turns)                                                                                    \
                 :                                                                                                \
                 : "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", \
                   "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");                                                  \
  }
SUMI_PEAK_KERNEL(multiply_avx2, "vfmadd231ps", "ymm")
SUMI_PEAK_KERNEL(multiply_avx512, "vfmadd231ps", "zmm")
SUMI_PEAK_KERNEL(multiply_avx512bf16, "vdpbf16ps", "zmm")
SUMI_PEAK_KERNEL(multiply_avx512vnni, "vpdpbusd", "zmm")
#undef SUMI_PEAK_KERNEL
#undef SUMI_TWELVE
#elif defined(__aarch64__)
#define SUMI_EIGHT(r)                                                                                     \
  "fmla v" r "0.4s,v30.4s,v31.4s\nfmla v" r "1.4s,v30.4s,v31.4s\nfmla v" r "2.4s,v30.4s,v31.4s\nfmla v" r \
  "3.4s,v30.4s,v31.4s\nfmla v" r "4.4s,v30.4s,v31.4s\nfmla v" r "5.4s,v30.4s,v31.4s\nfmla v" r            \
  "6.4s,v30.4s,v31.4s\nfmla v" r "7.4s,v30.4s,v31.4s\n"
/// Sixteen sums hide the latency of four cycles on four units.
void multiply_neon(long turns) {
  asm volatile("movi v30.4s,#0\nmovi v31.4s,#0\n1:\n" SUMI_EIGHT("") SUMI_EIGHT("1") "subs %0,%0,#1\nb.ne 1b\n"
               : "+r"(turns)
               :
               : "cc", "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v10", "v11", "v12", "v13", "v14", "v15", "v16",
                 "v17", "v30", "v31");
}
#undef SUMI_EIGHT
#endif

/// What the compiler makes of 32 independent sums.
void multiply_portable(long turns) {
  float sums[32] = {};
  volatile float opaque = 0.5f;
  const float factor = opaque, term = opaque;
  for (long turn = 0; turn < turns; ++turn) {
    for (float& sum : sums) sum = sum * factor + term;
  }
  for (const float sum : sums) opaque = sum;
}

Kernel kernel_for(DType type) {
  [[maybe_unused]] const Isa isa = usable_isa();
#if defined(__x86_64__)
  if (type == DType::bf16 && isa >= Isa::avx512bf16) return {multiply_avx512bf16, 12 * 64};
  if (type == DType::i8 && isa >= Isa::avx512vnni) return {multiply_avx512vnni, 12 * 128};
  if (type == DType::f32 && isa >= Isa::avx512) return {multiply_avx512, 12 * 32};
  if (type == DType::f32 && isa >= Isa::avx2) return {multiply_avx2, 12 * 16};
#elif defined(__aarch64__)
  if (type == DType::f32 && isa >= Isa::neon) return {multiply_neon, 16 * 8};
#endif
  if (type == DType::f32) return {multiply_portable, 32 * 2};
  return {nullptr, 0};
}

/// Sixteen trials. Their work doubles while the best speed so far would do it in less than 10 ms: on a busy machine a
/// trial may last long for other reasons.
double measure(const Kernel& kernel) {
  if (!kernel.run) return 0;
  double best = 0;
  long turns = 1 << 14;
  for (int trial = 0; trial < 16; ++trial) {
    const Stopwatch time;
    parallel([&](int, int) { kernel.run(turns); });
    const double seconds = time.seconds();
    const double work = kernel.flops * static_cast<double>(turns) * threads();
    best = std::max(best, work / seconds);
    if (work < best * 0.01) turns *= 2;
  }
  return best * 1e-9;
}

}  // namespace

double measured_peak_gflops(DType type) {
  if (type == DType::bf16) {
    static const double peak = measure(kernel_for(DType::bf16));
    return peak;
  }
  if (type == DType::i8) {
    static const double peak = measure(kernel_for(DType::i8));
    return peak;
  }
  if (type != DType::f32) return 0;
  static const double peak = measure(kernel_for(DType::f32));
  return peak;
}

}  // namespace sumi
