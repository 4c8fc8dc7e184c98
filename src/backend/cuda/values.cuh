#pragma once

#include <algorithm>
#include <bit>
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>
#include <type_traits>

#include "backend/cuda/status.h"
#include "core/tensor.h"
#include "ops/activation.h"

namespace sumi::cuda {

// How kernels see the types that activations have: they load to float, and store with one rounding.

__device__ __forceinline__ float to_float(float x) { return x; }
__device__ __forceinline__ float to_float(__half x) { return __half2float(x); }
__device__ __forceinline__ float to_float(__nv_bfloat16 x) { return __bfloat162float(x); }
__device__ __forceinline__ float to_float(f8_e4m3 x) { return static_cast<float>(x); }

template <class T>
__device__ __forceinline__ T rounded(float x);
template <>
__device__ __forceinline__ float rounded<float>(float x) {
  return x;
}
template <>
__device__ __forceinline__ __half rounded<__half>(float x) {
  return __float2half_rn(x);
}
template <>
__device__ __forceinline__ __nv_bfloat16 rounded<__nv_bfloat16>(float x) {
  return __float2bfloat16_rn(x);
}

/// N neighbours that one instruction loads or stores; at most 16 bytes.
template <class T, int N>
struct alignas(sizeof(T) * N) Pack {
  static_assert(sizeof(T) * N <= 16);
  T values[N];
};
/// Elements in 16 bytes, of the largest of several types.
template <class... T>
constexpr int widest = std::min({16 / static_cast<int>(sizeof(T))...});

/// The i-th N elements of an array.
template <int N, class T>
__device__ __forceinline__ Pack<T, N> pack_at(const T* from, std::int64_t i) {
  return reinterpret_cast<const Pack<T, N>*>(from)[i];
}

template <class T, int N>
__device__ __forceinline__ void to_float(const Pack<T, N>& from, float (&to)[N]) {
  // Two bfloat16 are taken apart as a word: otherwise packs wait in twice the registers.
  if constexpr (std::is_same_v<T, __nv_bfloat16> && N % 2 == 0) {
    const auto words = std::bit_cast<Pack<std::uint32_t, N / 2>>(from);
#pragma unroll
    for (int i = 0; i < N; ++i) {
      const std::uint32_t word = words.values[i / 2];
      to[i] = std::bit_cast<float>(i % 2 ? word & 0xffff0000u : word << 16);
    }
  } else {
#pragma unroll
    for (int i = 0; i < N; ++i) to[i] = to_float(from.values[i]);
  }
}

/// N elements, in as many instructions as it takes.
template <class T, int N>
__device__ __forceinline__ void load(const T* from, float (&to)[N]) {
  constexpr int part = std::min(N, widest<T>);
#pragma unroll
  for (int first = 0; first < N; first += part) {
    float values[part];
    to_float(pack_at<part>(from + first, 0), values);
#pragma unroll
    for (int i = 0; i < part; ++i) to[first + i] = values[i];
  }
}

template <class T, int N>
__device__ __forceinline__ void store(const float (&from)[N], T* to) {
  Pack<T, N> pack;
#pragma unroll
  for (int i = 0; i < N; ++i) pack.values[i] = rounded<T>(from[i]);
  *reinterpret_cast<Pack<T, N>*>(to) = pack;
}

/// Whether rows of `columns` elements, `stride` apart, may be accessed N elements at a time, at any of these addresses.
template <class T, int N, class... Pointers>
bool aligned_for(std::int64_t columns, std::int64_t stride, const Pointers*... pointers) {
  const auto fits = [](const void* p) { return reinterpret_cast<std::uintptr_t>(p) % (sizeof(T) * N) == 0; };
  return columns % N == 0 && stride % N == 0 && (fits(pointers) && ...);
}

/// Whether `load` and `store` may take N elements at a time of rows of `columns` elements that begin at these
/// addresses and follow one another.
template <int N, class... T>
bool fits(std::int64_t columns, const T*... rows) {
  const auto even = []<class U>(const U* p) {
    return reinterpret_cast<std::uintptr_t>(p) % std::min<std::size_t>(N * sizeof(U), 16) == 0;
  };
  return columns % N == 0 && (even(rows) && ...);
}

template <int N>
using Width = std::integral_constant<int, N>;

/// Calls `body` with N as a constant, or with 1 where that many do not fit.
template <int N, class Body>
void with_width(bool fits, Body&& body) {
  fits ? body(Width<N>{}) : body(Width<1>{});
}

/// SiLUs have the hardware's exponential and division, or norms that end with them would wait for arithmetic. Of x the
/// exponential is off by 2 + 1.2 |x| units in its last place and the division by 2, which leaves y within 4 units in
/// the last place of x: what is wrong with the exponential of a large x hardly counts beside 1, or in y.
__device__ __forceinline__ float activated(Activation activation, float x) {
  switch (activation) {
    case Activation::none: return x;
    case Activation::silu: return __fdividef(x, 1 + __expf(-x));
    case Activation::gelu: return 0.5f * x * (1 + erff(x * 0.70710678f));
    case Activation::quick_gelu: return __fdividef(x, 1 + __expf(-1.702f * x));
    case Activation::relu: return x > 0 ? x : 0;
    case Activation::leaky_relu: return x > 0 ? x : 0.2f * x;
    case Activation::tanh: return tanhf(x);
  }
  return x;
}

/// Calls `body` with the activation as a constant: loops ask for the kind once.
template <class Body>
__device__ __forceinline__ void with_activation(Activation activation, Body body) {
  switch (activation) {
    case Activation::none: return body(std::integral_constant<Activation, Activation::none>{});
    case Activation::silu: return body(std::integral_constant<Activation, Activation::silu>{});
    case Activation::gelu: return body(std::integral_constant<Activation, Activation::gelu>{});
    case Activation::quick_gelu: return body(std::integral_constant<Activation, Activation::quick_gelu>{});
    case Activation::relu: return body(std::integral_constant<Activation, Activation::relu>{});
    case Activation::leaky_relu: return body(std::integral_constant<Activation, Activation::leaky_relu>{});
    case Activation::tanh: return body(std::integral_constant<Activation, Activation::tanh>{});
  }
}

template <int N>
__device__ __forceinline__ void activate_all(Activation activation, float (&x)[N]) {
  with_activation(activation, [&](auto known) {
#pragma unroll
    for (float& value : x) value = activated(known, value);
  });
}

template <class T>
struct TypeTag {
  using type = T;
};

/// Calls `body` with the tag of the type that kernels have for `type`.
template <class Body>
void with_type(DType type, Body&& body) {
  switch (type) {
    case DType::f32: return body(TypeTag<float>{});
    case DType::f16: return body(TypeTag<__half>{});
    case DType::bf16: return body(TypeTag<__nv_bfloat16>{});
    default: fail(ErrorCode::internal, "cuda: kernels take f32, f16 and bf16, not {}", name_of(type));
  }
}

/// The elements of a tensor of that type; null where it is absent.
template <class T>
T* elements(const Tensor& tensor) {
  return tensor ? reinterpret_cast<T*>(tensor.raw()) : nullptr;
}

}  // namespace sumi::cuda
