#pragma once

#include <cstddef>
#include <cstdint>

#include "backend/cpu/product_tile.h"

namespace sumi {
// What the products of flash attention multiply, over the vector layer V; internal linkage, as that layer has.
namespace {

/// The products see words of 32 bits. Here a word is one float.
template <class V>
struct Float32Words : FloatProducts<V> {
  using Stored = float;
  static constexpr int exp2_degree = 5;

  static typename V::Reg load(const Stored* from) { return V::load(from); }
  static typename V::Reg load_first(const Stored* from, std::ptrdiff_t elements) {
    return V::load_first(from, elements);
  }
};

/// bf16 in memory, one float a word: the error of P is that of the result, and 2^-9 of rounding hides 7.5e-5.
template <class V>
struct WidenedWords : Float32Words<V> {
  using Stored = std::uint16_t;
  static constexpr int exp2_degree = 3;

  static typename V::Reg load(const Stored* from) { return V::load(from); }
  static typename V::Reg load_first(const Stored* from, std::ptrdiff_t elements) {
    return V::load_first(from, elements);
  }
};

/// Two bf16 a word.
template <class V>
struct PairWords : PairProducts<V> {
  using Stored = std::uint16_t;
  static constexpr int exp2_degree = 3;

  static typename V::Reg load(const Stored* from) { return V::load_pairs(from); }
  static typename V::Reg load_first(const Stored* from, std::ptrdiff_t elements) {
    return V::load_first_pairs(from, elements);
  }
};

}  // namespace
}  // namespace sumi
