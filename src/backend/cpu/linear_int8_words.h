#pragma once

#include <cstddef>

#include "backend/cpu/simd_math.h"

namespace sumi {
// Internal linkage, as the vector layer has.
namespace {

/// Words of whole numbers for linear_panels_kernel.h: neighbours along the summed axis, four in int8 by VNNI, two in
/// int16 without it. `Products` says how they multiply and are stored.
template <class V, class Products>
struct Int8Words : Products {
  using Reg = typename V::Reg;
  static constexpr std::ptrdiff_t x_per_word = Products::per_word;
  static constexpr bool row_has_step = true;

  /// A row of x as round_to rounds it; its step goes to the block's head.
  class Row {
   public:
    template <class T>
    Row(const T* row, std::ptrdiff_t in, float* step) {
      Reg most = V::zero();
      for (std::ptrdiff_t i = 0; i < in; i += V::lanes) most = V::larger_magnitude(most, load<V>(row + i, in - i));
      const float largest = V::largest(most);
      // Magnitudes as whole numbers are in the same order, and those that are not finite come last.
      const bool finite = largest < __builtin_inff(), some = finite && largest >= 0x1p-100f;
      *step = some ? largest / 127.0f : finite ? 0 : __builtin_nanf("");
      scale_ = V::set(some ? 127.0f / largest : 0);
    }
    void store(float* to, Reg x) const { Products::store_rounded(to, V::mul(x, scale_)); }

   private:
    Reg scale_;
  };

  /// A vector of columns of y.
  class Column {
   public:
    Column(const std::byte* panel, std::ptrdiff_t first, Reg bias)
        : steps_(V::load(reinterpret_cast<const float*>(panel) + first)), bias_(bias) {}
    Reg value(const float* sums, const float* x_step) const {
      return V::fma(Products::to_float(V::load(sums)), V::mul(V::broadcast(x_step), steps_), bias_);
    }

   private:
    Reg steps_, bias_;
  };

  static Reg start(const std::byte* panel, std::ptrdiff_t first) {
    return V::load(reinterpret_cast<const float*>(panel) + 2 * V::lanes + first);
  }
  static const typename Products::Stored* words(const std::byte* panel) {
    return reinterpret_cast<const typename Products::Stored*>(panel + 4 * V::lanes * sizeof(float));
  }
};

}  // namespace
}  // namespace sumi
