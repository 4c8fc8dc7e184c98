#pragma once

#include <cstdint>
#include <string_view>

namespace sumi {

/// Instruction sets that kernels are written for; of one kind of processor, each has those before it.
enum class Isa : std::uint8_t {
  portable,    ///< what the compiler was told; oneDNN: SSE4.1
  neon,        ///< of every AArch64
  avx2,        ///< AVX2, FMA and F16C
  avx512,      ///< AVX-512 F, BW, DQ and VL
  avx512vnni,  ///< products of int8
  avx512bf16,  ///< AVX-512 BF16
  amx,         ///< AMX tiles of bf16
};

std::string_view name_of(Isa isa);
/// Error(usage) with the known names.
Isa parse_isa(std::string_view name);

/// The most that the environment variable SUMI_ISA allows; `amx`, so everything, where it is not set.
/// Error(usage) for an unknown name.
Isa isa_cap();

/// What the processor has, up to `isa_cap()` and `avx512bf16`: tiles need the system's leave besides.
/// Error(usage) as `isa_cap`.
Isa processor_isa();

}  // namespace sumi
