#pragma once

#include <cstddef>
#include <cstdint>

#include "backend/cpu/norm_simd.h"
#include "backend/cpu/simd_math.h"

// Group and layer norm over the vector layer V of one instruction set; T is float, or std::uint16_t for bf16. Sums are
// taken about a value of the row or channel itself, so that a mean far from zero costs no digits.

namespace sumi {
// Internal linkage: every file has its own copy, compiled with that file's instruction set.
namespace {

template <class V, class T>
class Norm {
 public:
  static void add_moments(const void* x, std::ptrdiff_t pixels, std::ptrdiff_t channels, std::ptrdiff_t before,
                          const ChannelMoments& moments, float* sums) {
    const T* from = static_cast<const T*>(x);
    std::ptrdiff_t c = 0;
    for (; c + widest_strip * lanes <= channels; c += widest_strip * lanes) {
      add_strip<widest_strip>(from + c, pixels, channels, lanes, sums + c);
    }
    for (; c + lanes <= channels; c += lanes) add_strip<1>(from + c, pixels, channels, lanes, sums + c);
    if (c < channels) add_strip<1>(from + c, pixels, channels, channels - c, sums + c);
    merge(from, pixels, channels, before, sums, moments);
  }

  static void map(const void* x, std::ptrdiff_t pixels, std::ptrdiff_t channels, const ChannelMap& map, void* y) {
    if (map.silu) {
      map_rows<true>(static_cast<const T*>(x), pixels, channels, map, static_cast<T*>(y));
    } else {
      map_rows<false>(static_cast<const T*>(x), pixels, channels, map, static_cast<T*>(y));
    }
  }

  static void layer_norm(const void* x, std::ptrdiff_t rows, std::ptrdiff_t channels, double epsilon,
                         const float* scale, const float* shift, void* y) {
    for (std::ptrdiff_t row = 0; row < rows; ++row) {
      normalise(static_cast<const T*>(x) + row * channels, channels, epsilon, scale, shift,
                static_cast<T*>(y) + row * channels);
    }
  }

 private:
  using Reg = typename V::Reg;
  static constexpr int lanes = V::lanes;
  /// First values, sums and squares of a strip of channels stay in registers: 3 x 8 of 32, or 3 x 4 of 16.
  static constexpr int widest_strip = V::registers / 4;

  /// Sums and squares about the first pixel: sums[c] and sums[channels + c].
  template <int vectors>
  static void add_strip(const T* x, std::ptrdiff_t pixels, std::ptrdiff_t channels, std::ptrdiff_t left, float* sums) {
    Reg first[vectors], sum[vectors], squares[vectors];
#pragma GCC unroll 8
    for (int i = 0; i < vectors; ++i) {
      first[i] = load<V>(x + i * lanes, left);
      sum[i] = squares[i] = V::zero();
    }
    for (std::ptrdiff_t pixel = 1; pixel < pixels; ++pixel) {
      x += channels;
#pragma GCC unroll 8
      for (int i = 0; i < vectors; ++i) {
        const Reg difference = V::sub(load<V>(x + i * lanes, left), first[i]);
        sum[i] = V::add(sum[i], difference);
        squares[i] = V::fma(difference, difference, squares[i]);
      }
    }
#pragma GCC unroll 8
    for (int i = 0; i < vectors; ++i) {
      store<V>(sums + i * lanes, sum[i], left);
      store<V>(sums + channels + i * lanes, squares[i], left);
    }
  }

  static float widen(float x) { return x; }
  static float widen(std::uint16_t bf16) { return __builtin_bit_cast(float, static_cast<std::uint32_t>(bf16) << 16); }

  /// Moments of two sets from the moments of each (Chan et al., 1979).
  static void merge(const T* first, std::ptrdiff_t pixels, std::ptrdiff_t channels, std::ptrdiff_t before,
                    const float* sums, const ChannelMoments& moments) {
    const auto n = static_cast<double>(pixels), old = static_cast<double>(before);
    const double per_pixel = 1 / n, step = n / (old + n), spread = old * step;
    const float* squares = sums + channels;
    for (std::ptrdiff_t c = 0; c < channels; ++c) {
      const double sum = sums[c];
      const double difference = widen(first[c]) + sum * per_pixel - moments.mean[c];
      moments.mean[c] += difference * step;
      moments.squares[c] += squares[c] - sum * sum * per_pixel + difference * difference * spread;
    }
  }

  template <bool activated>
  static void map_rows(const T* x, std::ptrdiff_t pixels, std::ptrdiff_t channels, const ChannelMap& map, T* y) {
    for (std::ptrdiff_t pixel = 0; pixel < pixels; ++pixel) {
      std::ptrdiff_t c = 0;
      for (; c + lanes <= channels; c += lanes) {
        const Reg centred = V::sub(V::load(x + c), V::load(map.mean + c));
        const Reg z = V::fma(centred, V::load(map.factor + c), V::load(map.offset + c));
        V::store(y + c, activate<activated>(z));
      }
      if (const std::ptrdiff_t left = channels - c) {
        const Reg centred = V::sub(V::load_first(x + c, left), V::load_first(map.mean + c, left));
        const Reg z = V::fma(centred, V::load_first(map.factor + c, left), V::load_first(map.offset + c, left));
        V::store_first(y + c, activate<activated>(z), left);
      }
      x += channels;
      y += channels;
    }
  }

  template <bool activated>
  static Reg activate(Reg z) {
    if constexpr (activated) {
      return silu<V>(z);
    } else {
      return z;
    }
  }

  /// A row is read three times, from the first level of cache after the first.
  static void normalise(const T* x, std::ptrdiff_t channels, double epsilon, const float* scale, const float* shift,
                        T* y) {
    const auto n = static_cast<double>(channels);
    const float first = widen(x[0]);
    const double mean = first + sum_of<false>(x, channels, first) / n;
    const auto centre = static_cast<float>(mean);
    const double rest = mean - centre;  // what float32 cannot hold of the mean
    const double variance = sum_of<true>(x, channels, centre) / n - rest * rest;
    const double factor = 1 / __builtin_sqrt((variance > 0 ? variance : 0) + epsilon);

    const Reg centres = V::set(centre), factors = V::set(static_cast<float>(factor));
    const Reg offsets = V::set(static_cast<float>(-rest * factor));
    std::ptrdiff_t c = 0;
    for (; c + lanes <= channels; c += lanes) {
      const Reg z = V::fma(V::sub(V::load(x + c), centres), factors, offsets);
      V::store(y + c, V::fma(z, V::load(scale + c), V::load(shift + c)));
    }
    if (const std::ptrdiff_t left = channels - c) {
      const Reg z = V::fma(V::sub(V::load_first(x + c, left), centres), factors, offsets);
      V::store_first(y + c, V::fma(z, V::load_first(scale + c, left), V::load_first(shift + c, left)), left);
    }
  }

  /// The sum of x - centre, or of its square. Four chains hide the latency of the addition.
  template <bool squared>
  static double sum_of(const T* x, std::ptrdiff_t channels, float centre) {
    constexpr int chains = 4;
    const Reg centres = V::set(centre);
    const auto add = [](Reg sum, Reg difference) {
      return squared ? V::fma(difference, difference, sum) : V::add(sum, difference);
    };
    Reg sums[chains] = {V::zero(), V::zero(), V::zero(), V::zero()};
    std::ptrdiff_t c = 0;
    for (; c + chains * lanes <= channels; c += chains * lanes) {
#pragma GCC unroll 4
      for (int i = 0; i < chains; ++i) sums[i] = add(sums[i], V::sub(V::load(x + c + i * lanes), centres));
    }
    for (; c + lanes <= channels; c += lanes) sums[0] = add(sums[0], V::sub(V::load(x + c), centres));
    double rest = 0;
    for (; c < channels; ++c) {
      const double difference = static_cast<double>(widen(x[c])) - static_cast<double>(centre);
      rest += squared ? difference * difference : difference;
    }
    return static_cast<double>(V::sum(V::add(V::add(sums[0], sums[1]), V::add(sums[2], sums[3])))) + rest;
  }
};

template <class V, class T>
constexpr NormKernel norm_kernel() {
  using Kernel = Norm<V, T>;
  return {Kernel::add_moments, Kernel::map, Kernel::layer_norm};
}

}  // namespace
}  // namespace sumi
