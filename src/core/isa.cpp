#include "core/isa.h"

#include <algorithm>
#include <cstdlib>
#include <iterator>

#include "core/check.h"

namespace sumi {
namespace {

constexpr std::string_view kNames[] = {"portable", "neon", "avx2", "avx512", "avx512vnni", "avx512bf16", "amx"};

Isa found_isa() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  // Every processor with AVX2 has F16C.
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  if (!avx2) return Isa::portable;
  if (!avx512) return Isa::avx2;
  if (!__builtin_cpu_supports("avx512vnni")) return Isa::avx512;
  return __builtin_cpu_supports("avx512bf16") ? Isa::avx512bf16 : Isa::avx512vnni;
#elif defined(__aarch64__)
  return Isa::neon;
#else
  return Isa::portable;
#endif
}

}  // namespace

std::string_view name_of(Isa isa) { return kNames[static_cast<int>(isa)]; }

Isa parse_isa(std::string_view name) {
  const auto found = std::find(std::begin(kNames), std::end(kNames), name);
  check(found != std::end(kNames), ErrorCode::usage, "SUMI_ISA: '{}' is none of {}", name, fmt::join(kNames, ", "));
  return static_cast<Isa>(found - std::begin(kNames));
}

Isa isa_cap() {
  const char* cap = std::getenv("SUMI_ISA");
  return cap && *cap ? parse_isa(cap) : Isa::amx;
}

Isa processor_isa() {
  static const Isa isa = [] {
    const Isa found = found_isa(), least = std::min(isa_cap(), found);
    return least == Isa::neon && found != Isa::neon ? Isa::portable : least;  // another kind of processor's
  }();
  return isa;
}

}  // namespace sumi
