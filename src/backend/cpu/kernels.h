#pragma once

#include "backend/cpu/isa.h"
#include "ops/operations.h"

namespace sumi {

// Each appends own kernels, fastest first, that run on a processor with `isa`.

/// Convolution of 3 x 3 taps, where direct convolution is slower: by tiles of 4 x 4, of f32, and of bf16 where the
/// processor does not multiply it, "winograd-avx512", "winograd-avx2", "winograd-neon"; by tiles of 2 x 2 in pairs of
/// bf16 "winograd-avx512bf16". The same after upsampling, in a quarter of direct convolution's products of both types:
/// "winograd-upsampled-avx512bf16" and so on.
void add_winograd(Operations& operations, Isa isa);
/// The source of "winograd-avx512bf16" with emulated products, so that it can be tested: "winograd-pairs-avx512",
/// "winograd-upsampled-pairs-avx512". Slower than all others.
void add_emulated_winograd(Operations& operations, Isa isa);
/// Linears in int8, their rows f32 or bf16: "int8-avx512vnni", "int8-avx2", "int8-neon".
void add_int8(Operations& operations, Isa isa);
/// Which cases panels take: all, or those in which they are faster than oneDNN's linears.
enum class Panels { everywhere, where_faster };
/// Linears in float32, of f32 and of bf16 in memory: "panels-avx512", "panels-avx2", "panels-neon"; in pairs of bf16
/// "panels-avx512bf16".
void add_panels(Operations& operations, Isa isa, Panels panels);
/// The source of "panels-avx512bf16" with emulated products: "panels-pairs-avx512".
void add_emulated_panels(Operations& operations, Isa isa);
/// Flash attention of f32 and bf16: "flash-avx512bf16", "flash-avx512", "flash-pairs-avx512", "flash-avx2",
/// "flash-neon".
void add_attention(Operations& operations, Isa isa);
/// Group norm with none or SiLU after it, and layer norm, of f32 and bf16: "simd-avx512", "simd-avx2",
/// "simd-neon".
void add_norms(Operations& operations, Isa isa);
/// Activate and gate of f32 and bf16, for any processor: "loops"; gate by GELU: "simd-avx512", "simd-avx2",
/// "simd-neon". The plain loops serve for combine, guide, concat, upsample, embedding and sinusoid: they copy at the
/// speed of memory, or take less than a millisecond of a step.
void add_elementwise(Operations& operations, Isa isa);
/// Match of f32 and bf16, for any processor: "onednn", at 100 GFLOP/s a core where a linear of the same channels has
/// 120 (Ice Lake, 2 x 4096 tokens of 320 channels). There it takes 40 ms, the plain loops 9 ms to merge
/// and 4 ms to unmerge.
void add_token_merging(Operations& operations);

}  // namespace sumi
