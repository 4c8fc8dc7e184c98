#pragma once

#include <cstddef>

#include "backend/cpu/product_tile.h"

namespace sumi {
// Internal linkage, as the vector layer has.
namespace {

/// Words for linear_panels_kernel.h whose sums are float32. x is float32 in its block, whatever it is in memory, where
/// words do not say otherwise.
template <class V, class Products>
struct FloatWords : Products {
  using Reg = typename V::Reg;
  static constexpr std::ptrdiff_t x_per_word = 1;
  static constexpr bool row_has_step = false;

  struct Row {
    template <class T>
    Row(const T*, std::ptrdiff_t, float*) {}
    void store(float* to, Reg x) const { V::store(to, x); }
  };

  class Column {
   public:
    Column(const std::byte*, std::ptrdiff_t, Reg bias) : bias_(bias) {}
    Reg value(const float* sums, const float*) const { return V::add(V::load(sums), bias_); }

   private:
    Reg bias_;
  };

  static Reg start(const std::byte*, std::ptrdiff_t) { return V::zero(); }
  static const float* words(const std::byte* panel) { return reinterpret_cast<const float*>(panel); }
};

/// One float a word.
template <class V>
struct Float32Panels : FloatWords<V, FloatProducts<V>> {};

/// Two bf16 a word: half the memory to read, and two instructions to widen a vector of pairs.
template <class V>
struct BFloat16Panels : FloatWords<V, WidenedProducts<V>> {};

/// Two bf16 a word, of x as well.
template <class V>
struct PairPanels : FloatWords<V, PairProducts<V>> {
  static constexpr std::ptrdiff_t x_per_word = 2;

  struct Row {
    template <class T>
    Row(const T*, std::ptrdiff_t, float*) {}
    void store(float* to, typename V::Reg x) const { V::store(reinterpret_cast<std::uint16_t*>(to), x); }
  };
};

}  // namespace
}  // namespace sumi
