#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

namespace sumi::cuda {

// Instructions that C++ has no words for: products of small matrices by a warp (tensor cores), what loads their
// factors, and copies that run beside computing. Rows and columns are counted from 0, l is the number of a lane in its
// warp, g = l / 4 and t = l % 4. A word holds two neighbours of 16 bits, the first in the low half. All lanes of a warp
// call a function that says "the warp" together.

#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 800
constexpr bool copies_beside = true;
#else
constexpr bool copies_beside = false;
#endif

/// Whether tensor cores of the architecture that is compiled for multiply T.
template <class T>
constexpr bool multiplies = false;
template <>
constexpr bool multiplies<__half> = true;
template <>
constexpr bool multiplies<__nv_bfloat16> = copies_beside;

__device__ __forceinline__ unsigned shared_address(const void* shared) {
  return static_cast<unsigned>(__cvta_generic_to_shared(shared));
}

/// The warp loads four matrices of 8 x 8. Lane l gives the address of row l % 8 of matrix l / 8: 16 bytes, aligned to
/// 16. word[i] gets (g, 2t) and (g, 2t + 1) of matrix i. Free of bank conflicts where the eight rows of each matrix lie
/// in different 16 bytes of 128.
__device__ __forceinline__ void load_matrices(unsigned (&word)[4], const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(word[0]), "=r"(word[1]), "=r"(word[2]), "=r"(word[3])
               : "r"(shared_address(row))
               : "memory");
}

/// The same with each matrix transposed: word[i] gets (2t, g) and (2t + 1, g) of matrix i.
__device__ __forceinline__ void load_transposed(unsigned (&word)[4], const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(word[0]), "=r"(word[1]), "=r"(word[2]), "=r"(word[3])
               : "r"(shared_address(row))
               : "memory");
}

/// The warp adds a b to `sum`, with a of 16 x 16, b of 16 x 8, and sums of 16 x 8 in float32:
///   a[0], a[1], a[2], a[3]      (g, 2t), (g + 8, 2t), (g, 2t + 8), (g + 8, 2t + 8), each with its right neighbour
///   b0, b1                      (2t, g), (2t + 8, g), each with the one below it
///   sum[0], sum[1], [2], [3]    (g, 2t), (g, 2t + 1), (g + 8, 2t), (g + 8, 2t + 1)
/// So a is what load_matrices gives of upper left, lower left, upper right, lower right; b what it gives of two halves
/// of b's transpose; and sums of two neighbouring products, rounded, are in their places for the next product's a.
template <class T>
__device__ __forceinline__ void multiply_add(float (&sum)[4], const unsigned (&a)[4], unsigned b0, unsigned b1);

template <>
__device__ __forceinline__ void multiply_add<__half>(float (&sum)[4], const unsigned (&a)[4], unsigned b0,
                                                     unsigned b1) {
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 800
  asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
      "{%0, %1, %2, %3};"
      : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
#else
  // The left and the right half of a.
  const auto half = [&](unsigned upper, unsigned lower, unsigned b) {
    asm("mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5}, {%6}, {%0, %1, %2, %3};"
        : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])
        : "r"(upper), "r"(lower), "r"(b));
  };
  half(a[0], a[1], b0);
  half(a[2], a[3], b1);
#endif
}

template <>
__device__ __forceinline__ void multiply_add<__nv_bfloat16>(float (&sum)[4], const unsigned (&a)[4], unsigned b0,
                                                            unsigned b1) {
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 800
  asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
      "{%0, %1, %2, %3};"
      : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
#else
  __trap();
#endif
}

/// Two floats rounded to T.
template <class T>
__device__ __forceinline__ unsigned word_of(float low, float high);

template <>
__device__ __forceinline__ unsigned word_of<__half>(float low, float high) {
  const __half2 both = __floats2half2_rn(low, high);
  return *reinterpret_cast<const unsigned*>(&both);
}

template <>
__device__ __forceinline__ unsigned word_of<__nv_bfloat16>(float low, float high) {
  const __nv_bfloat162 both = __floats2bfloat162_rn(low, high);
  return *reinterpret_cast<const unsigned*>(&both);
}

/// 2^x by the special function unit, off by up to 2^-22 of it; 0 for -inf and where the result were subnormal.
__device__ __forceinline__ float power_of_2(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}

/// Queues a copy of 16 bytes from global to shared memory, both aligned to 16; of zeros where not `valid`, and then
/// reads nothing. Before 8.0 it copies at once.
__device__ __forceinline__ void copy_beside(void* shared, const void* global, bool valid) {
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 800
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared_address(shared)), "l"(global),
               "r"(valid ? 16 : 0)
               : "memory");
#else
  *static_cast<uint4*>(shared) = valid ? *static_cast<const uint4*>(global) : uint4{0, 0, 0, 0};
#endif
}

/// Ends a group of the thread's queued copies.
__device__ __forceinline__ void end_copies() {
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 800
  asm volatile("cp.async.commit_group;" ::: "memory");
#endif
}

/// Waits until all but the last `newest` groups of this thread are there. Other threads see them after a barrier.
template <int newest>
__device__ __forceinline__ void wait_for_copies() {
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 800
  asm volatile("cp.async.wait_group %0;" ::"n"(newest) : "memory");
#endif
}

}  // namespace sumi::cuda
