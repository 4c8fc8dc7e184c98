#pragma once

#include <cstddef>

namespace sumi {

// What gates of every instruction set offer. Files of one instruction set include nothing else, as norm_simd.h says.

/// y[i] = values[i] * gelu(gates[i]) of one storage type, for `count` elements.
struct GateKernel {
  void (*gelu)(const void* values, const void* gates, std::ptrdiff_t count, void* y);
};

namespace avx2 {
extern const GateKernel gate_f32, gate_bf16;
}
namespace avx512 {
extern const GateKernel gate_f32, gate_bf16;
}
namespace neon {
extern const GateKernel gate_f32, gate_bf16;
}

}  // namespace sumi
