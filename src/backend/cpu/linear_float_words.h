#pragma once

#include <cstddef>

#include "backend/cpu/product_tile.h"

namespace sumi {
// Internal linkage, as the vector layer has.
namespace {

/// Words for linear_panels_kernel.h whose sums are float32. x is in its block as its words multiply it, whatever it is
/// in memory.
template <class V, class Products>
struct FloatWords : Products {
  using Reg = typename V::Reg;
  using Value = typename Products::Value;
  static constexpr std::ptrdiff_t x_per_word = sizeof(float) / sizeof(Value);
  static constexpr bool row_has_step = false;

  struct Row {
    template <class T>
    Row(const T*, std::ptrdiff_t, float*) {}
    void store(float* to, Reg x) const { V::store(reinterpret_cast<Value*>(to), x); }
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
struct PairPanels : FloatWords<V, PairProducts<V>> {};

}  // namespace
}  // namespace sumi
