#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include "emulator/copies.h"

// Stands for src/backend/cuda/mma.cuh: has its functions, in words of C++. Names are told there.
namespace sumi::cuda {

constexpr bool copies_beside = true;

template <class T>
constexpr bool multiplies = false;
template <>
inline constexpr bool multiplies<__half> = true;
template <>
inline constexpr bool multiplies<__nv_bfloat16> = true;

namespace emulated {

/// A word of two elements of the four matrices whose rows the lanes have the addresses of.
template <class Place>
void load_words(unsigned (&word)[4], const void* row, const Place& place) {
  if (reinterpret_cast<std::uintptr_t>(row) % 16 != 0) __trap();
  using Words = std::array<unsigned, 4>;
  const Words loaded = cuda_on_host::warp_collective(
      cuda_on_host::all_lanes, row, [&place, lane = cuda_on_host::lane()](const auto& rows) {
        Words words;
        for (int i = 0; i < 4; ++i) {
          std::uint16_t pair[2];
          for (int which = 0; which < 2; ++which) {
            const auto [r, column] = place(lane / 4, lane % 4 * 2 + which);
            std::memcpy(&pair[which], static_cast<const std::byte*>(rows[8 * i + r]) + 2 * column, 2);
          }
          words[static_cast<std::size_t>(i)] = pair[0] | static_cast<unsigned>(pair[1]) << 16;
        }
        return words;
      });
  for (std::size_t i = 0; i < 4; ++i) word[i] = loaded[i];
}

template <class T>
std::array<float, 2> halves_of(unsigned word) {
  return {std::bit_cast<T>(static_cast<std::uint16_t>(word)), std::bit_cast<T>(static_cast<std::uint16_t>(word >> 16))};
}

}  // namespace emulated

inline void load_matrices(unsigned (&word)[4], const void* row) {
  emulated::load_words(word, row, [](int g, int t) { return std::pair(g, t); });
}

inline void load_transposed(unsigned (&word)[4], const void* row) {
  emulated::load_words(word, row, [](int g, int t) { return std::pair(t, g); });
}

template <class T>
void multiply_add(float (&sum)[4], const unsigned (&a)[4], unsigned b0, unsigned b1) {
  using Pair = std::array<float, 2>;
  struct Factors {
    std::array<Pair, 4> a;
    std::array<Pair, 2> b;
  };
  const auto widened = &emulated::halves_of<T>;
  const Factors factors{{widened(a[0]), widened(a[1]), widened(a[2]), widened(a[3])}, {widened(b0), widened(b1)}};
  using Sums = std::array<double, 4>;
  const Sums products = cuda_on_host::warp_collective(
      cuda_on_host::all_lanes, factors, [lane = cuda_on_host::lane()](const cuda_on_host::Lanes<Factors>& lanes) {
        Sums sums{};
        const int g = lane / 4, column = lane % 4 * 2;
        for (int t = 0; t < 4; ++t) {
          const Factors rows = lanes[4 * g + t];
          const std::array<Factors, 2> columns{lanes[4 * column + t], lanes[4 * (column + 1) + t]};
          for (std::size_t i = 0; i < 4; ++i) {
            for (std::size_t half = 0; half < 2; ++half) {
              const Pair left = rows.a[i / 2 + 2 * half], right = columns[i % 2].b[half];
              sums[i] += double{left[0]} * double{right[0]} + double{left[1]} * double{right[1]};
            }
          }
        }
        return sums;
      });
  for (std::size_t i = 0; i < 4; ++i) sum[i] = static_cast<float>(sum[i] + products[i]);
}

template <class T>
unsigned word_of(float low, float high) {
  return std::bit_cast<std::uint16_t>(T(low)) | static_cast<unsigned>(std::bit_cast<std::uint16_t>(T(high))) << 16;
}

inline float power_of_2(float x) {
  const float power = exp2f(x);
  return power < 0x1p-126f ? 0 : power;
}

inline void copy_beside(void* shared, const void* global, bool valid) {
  cuda_on_host::queue_copy(shared, global, 16, valid);
}
inline void end_copies() { cuda_on_host::end_copy_group(); }
template <int newest>
void wait_for_copies() {
  cuda_on_host::wait_for_copy_groups(newest);
}

}  // namespace sumi::cuda
