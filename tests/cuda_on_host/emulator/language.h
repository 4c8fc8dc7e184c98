#pragma once

#include <bit>
#include <cstdint>
#include <math.h>
#include <stdlib.h>
#include <type_traits>

#include "emulator/vectors.h"
#include "emulator/warp.h"

// CUDA's language, as far as a C++ compiler can be told of it: qualifiers, the thread's place, barriers, atomics, and
// functions of device code.

#define __global__
#define __device__
#define __host__
#define __constant__
#define __grid_constant__
#define __launch_bounds__(...)
#define __forceinline__ inline __attribute__((always_inline))
#define __align__(bytes) __attribute__((aligned(bytes)))
// Blocks run one after another, so one is enough; it holds what the last block left there.
#define __shared__ static

extern uint3 threadIdx, blockIdx;
extern dim3 blockDim, gridDim;
constexpr int warpSize = 32;

namespace cuda_on_host {

struct Votes {
  int arrived, agreed;
};
/// Waits for all threads of the block that have not returned.
Votes block_barrier(bool predicate);

[[noreturn]] void trap();

}  // namespace cuda_on_host

inline void __syncthreads() { cuda_on_host::block_barrier(true); }
inline int __syncthreads_count(int predicate) { return cuda_on_host::block_barrier(predicate != 0).agreed; }
inline int __syncthreads_or(int predicate) { return cuda_on_host::block_barrier(predicate != 0).agreed != 0; }
inline int __syncthreads_and(int predicate) { return cuda_on_host::block_barrier(predicate == 0).agreed == 0; }
inline void __threadfence() {}
inline void __threadfence_block() {}
inline void __nanosleep(unsigned) {}
[[noreturn]] inline void __trap() { cuda_on_host::trap(); }

// Threads never run at the same time, so plain loads and stores are atomic.
namespace cuda_on_host {

template <class T, class Change>
T replace(T* at, const Change& change) {
  const T before = *at;
  *at = static_cast<T>(change(before));
  return before;
}
template <class T>
using Given = std::type_identity_t<T>;

}  // namespace cuda_on_host

template <class T>
T atomicAdd(T* at, cuda_on_host::Given<T> value) {
  static_assert(!std::is_same_v<T, long> && !std::is_same_v<T, long long>, "CUDA adds unsigned long long only");
  return cuda_on_host::replace(at, [=](T old) { return old + value; });
}
template <class T>
  requires std::is_integral_v<T>
T atomicMax(T* at, cuda_on_host::Given<T> value) {
  return cuda_on_host::replace(at, [=](T old) { return old < value ? value : old; });
}
template <class T>
  requires std::is_integral_v<T>
T atomicMin(T* at, cuda_on_host::Given<T> value) {
  return cuda_on_host::replace(at, [=](T old) { return value < old ? value : old; });
}
template <class T>
  requires std::is_integral_v<T>
T atomicOr(T* at, cuda_on_host::Given<T> value) {
  return cuda_on_host::replace(at, [=](T old) { return old | value; });
}
template <class T>
  requires std::is_integral_v<T>
T atomicAnd(T* at, cuda_on_host::Given<T> value) {
  return cuda_on_host::replace(at, [=](T old) { return old & value; });
}
template <class T>
T atomicExch(T* at, cuda_on_host::Given<T> value) {
  return cuda_on_host::replace(at, [=](T) { return value; });
}
template <class T>
  requires std::is_integral_v<T>
T atomicCAS(T* at, cuda_on_host::Given<T> expected, cuda_on_host::Given<T> value) {
  return cuda_on_host::replace(at, [=](T old) { return old == expected ? value : old; });
}
inline unsigned atomicInc(unsigned* at, unsigned most) {
  return cuda_on_host::replace(at, [=](unsigned old) { return old >= most ? 0u : old + 1; });
}

// Loads and stores with a hint for the caches.
template <class T>
T __ldg(const T* at) {
  return *at;
}
template <class T>
T __ldca(const T* at) {
  return *at;
}
template <class T>
T __ldcg(const T* at) {
  return *at;
}
template <class T>
T __ldcs(const T* at) {
  return *at;
}
template <class T>
void __stcg(T* at, cuda_on_host::Given<T> value) {
  *at = value;
}
template <class T>
void __stcs(T* at, cuda_on_host::Given<T> value) {
  *at = value;
}

#define CUDA_ON_HOST_MIN_MAX(result, left, right)                                                             \
  constexpr result min(left a, right b) {                                                                     \
    return static_cast<result>(a) < static_cast<result>(b) ? static_cast<result>(a) : static_cast<result>(b); \
  }                                                                                                           \
  constexpr result max(left a, right b) {                                                                     \
    return static_cast<result>(a) < static_cast<result>(b) ? static_cast<result>(b) : static_cast<result>(a); \
  }
CUDA_ON_HOST_MIN_MAX(int, int, int)
CUDA_ON_HOST_MIN_MAX(unsigned, unsigned, unsigned)
CUDA_ON_HOST_MIN_MAX(unsigned, int, unsigned)
CUDA_ON_HOST_MIN_MAX(unsigned, unsigned, int)
CUDA_ON_HOST_MIN_MAX(long, long, long)
CUDA_ON_HOST_MIN_MAX(unsigned long, unsigned long, unsigned long)
CUDA_ON_HOST_MIN_MAX(long long, long long, long long)
CUDA_ON_HOST_MIN_MAX(unsigned long long, unsigned long long, unsigned long long)
#undef CUDA_ON_HOST_MIN_MAX
// As fminf and fmaxf, which give the other number for NaN.
inline float min(float a, float b) { return fminf(a, b); }
inline float max(float a, float b) { return fmaxf(a, b); }
inline double min(double a, double b) { return fmin(a, b); }
inline double max(double a, double b) { return fmax(a, b); }

// Approximations of the device are exact here. The C library declares some of these names without having them.
inline float __expf(float x) noexcept { return expf(x); }
inline float __exp10f(float x) noexcept { return powf(10, x); }
inline float __logf(float x) noexcept { return logf(x); }
inline float __log2f(float x) noexcept { return log2f(x); }
inline float __log10f(float x) noexcept { return log10f(x); }
inline float __powf(float x, float y) noexcept { return powf(x, y); }
inline float __sinf(float x) noexcept { return sinf(x); }
inline float __cosf(float x) noexcept { return cosf(x); }
inline float __tanf(float x) noexcept { return tanf(x); }
inline void __sincosf(float x, float* sine, float* cosine) noexcept { *sine = sinf(x), *cosine = cosf(x); }
inline float __fdividef(float a, float b) { return a / b; }
inline float __saturatef(float x) { return fminf(fmaxf(x, 0), 1); }
inline float rsqrtf(float x) { return 1 / sqrtf(x); }
inline double rsqrt(double x) { return 1 / sqrt(x); }

// Never joined with what is around them.
inline float __fadd_rn(float a, float b) { return a + b; }
inline float __fsub_rn(float a, float b) { return a - b; }
inline float __fmul_rn(float a, float b) { return a * b; }
inline float __fdiv_rn(float a, float b) { return a / b; }
inline float __fmaf_rn(float a, float b, float c) { return fmaf(a, b, c); }
inline float __frcp_rn(float x) { return 1 / x; }
inline float __fsqrt_rn(float x) { return sqrtf(x); }
inline float __frsqrt_rn(float x) { return static_cast<float>(1 / sqrt(static_cast<double>(x))); }

inline int __float2int_rn(float x) { return static_cast<int>(rintf(x)); }
inline int __float2int_rz(float x) { return static_cast<int>(x); }
inline int __float2int_rd(float x) { return static_cast<int>(floorf(x)); }
inline int __float2int_ru(float x) { return static_cast<int>(ceilf(x)); }
inline unsigned __float2uint_rn(float x) { return static_cast<unsigned>(rintf(x)); }
inline float __int2float_rn(int x) { return static_cast<float>(x); }
inline float __uint2float_rn(unsigned x) { return static_cast<float>(x); }

constexpr unsigned __float_as_uint(float x) { return std::bit_cast<unsigned>(x); }
constexpr int __float_as_int(float x) { return std::bit_cast<int>(x); }
constexpr float __uint_as_float(unsigned x) { return std::bit_cast<float>(x); }
constexpr float __int_as_float(int x) { return std::bit_cast<float>(x); }
constexpr long long __double_as_longlong(double x) { return std::bit_cast<long long>(x); }
constexpr double __longlong_as_double(long long x) { return std::bit_cast<double>(x); }

constexpr int __popc(unsigned x) { return std::popcount(x); }
constexpr int __popcll(unsigned long long x) { return std::popcount(x); }
constexpr int __clz(int x) { return std::countl_zero(static_cast<unsigned>(x)); }
constexpr int __clzll(long long x) { return std::countl_zero(static_cast<unsigned long long>(x)); }
constexpr int __ffs(int x) { return x ? std::countr_zero(static_cast<unsigned>(x)) + 1 : 0; }
constexpr int __ffsll(long long x) { return x ? std::countr_zero(static_cast<unsigned long long>(x)) + 1 : 0; }
constexpr unsigned __brev(unsigned x) {
  unsigned reversed = 0;
  for (int i = 0; i < 32; ++i) reversed |= (x >> i & 1u) << (31 - i);
  return reversed;
}
constexpr unsigned __umulhi(unsigned a, unsigned b) { return static_cast<unsigned>(std::uint64_t{a} * b >> 32); }
constexpr int __mulhi(int a, int b) { return static_cast<int>(std::int64_t{a} * b >> 32); }
__extension__ using cuda_on_host_uint128 = unsigned __int128;
constexpr unsigned long long __umul64hi(unsigned long long a, unsigned long long b) {
  return static_cast<unsigned long long>(cuda_on_host_uint128{a} * b >> 64);
}
constexpr unsigned __byte_perm(unsigned x, unsigned y, unsigned selector) {
  const std::uint64_t bytes = std::uint64_t{y} << 32 | x;
  unsigned chosen = 0;
  for (int i = 0; i < 4; ++i) chosen |= static_cast<unsigned>(bytes >> (selector >> 4 * i & 7u) * 8 & 0xffu) << 8 * i;
  return chosen;
}
constexpr unsigned __funnelshift_l(unsigned low, unsigned high, unsigned shift) {
  return static_cast<unsigned>((std::uint64_t{high} << 32 | low) << (shift & 31u) >> 32);
}
constexpr unsigned __funnelshift_r(unsigned low, unsigned high, unsigned shift) {
  return static_cast<unsigned>((std::uint64_t{high} << 32 | low) >> (shift & 31u));
}
constexpr int __dp4a(int a, int b, int sum) {
  for (int i = 0; i < 4; ++i) sum += static_cast<std::int8_t>(a >> 8 * i) * static_cast<std::int8_t>(b >> 8 * i);
  return sum;
}
