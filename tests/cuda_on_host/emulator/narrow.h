#pragma once

#include <cstdint>

#include "core/float.h"
#include "emulator/language.h"

// What cuda_fp16.h and cuda_bf16.h have in common: floats of 16 bits, and pairs of them. As on the device, arithmetic
// rounds each result once, to nearest and ties to even, and NaN is 0x7fff.

namespace cuda_on_host {

template <class Format>
class Narrow {
 public:
  Narrow() = default;
  Narrow(float value) : bits_(value != value ? std::uint16_t{0x7fff} : Format(value).bits) {}
  operator float() const {
    Format value;
    value.bits = bits_;
    return static_cast<float>(value);
  }

  static Narrow of_bits(std::uint16_t bits) {
    Narrow value;
    value.bits_ = bits;
    return value;
  }
  std::uint16_t bits() const { return bits_; }

  // A float has more than twice the digits of both formats, so rounding its sums and products is rounding once.
  friend Narrow operator+(Narrow a, Narrow b) { return a.wide() + b.wide(); }
  friend Narrow operator-(Narrow a, Narrow b) { return a.wide() - b.wide(); }
  friend Narrow operator*(Narrow a, Narrow b) { return a.wide() * b.wide(); }
  friend Narrow operator/(Narrow a, Narrow b) { return a.wide() / b.wide(); }
  friend Narrow operator-(Narrow a) { return of_bits(static_cast<std::uint16_t>(a.bits_ ^ 0x8000u)); }
  Narrow& operator+=(Narrow b) { return *this = *this + b; }
  Narrow& operator-=(Narrow b) { return *this = *this - b; }
  Narrow& operator*=(Narrow b) { return *this = *this * b; }
  friend bool operator==(Narrow a, Narrow b) { return a.wide() == b.wide(); }
  friend bool operator<(Narrow a, Narrow b) { return a.wide() < b.wide(); }
  friend bool operator>(Narrow a, Narrow b) { return a.wide() > b.wide(); }
  friend bool operator<=(Narrow a, Narrow b) { return a.wide() <= b.wide(); }
  friend bool operator>=(Narrow a, Narrow b) { return a.wide() >= b.wide(); }

 private:
  float wide() const { return *this; }

  std::uint16_t bits_;
};

template <class Format>
struct alignas(4) NarrowPair {
  Narrow<Format> x, y;

  friend NarrowPair operator+(NarrowPair a, NarrowPair b) { return {a.x + b.x, a.y + b.y}; }
  friend NarrowPair operator-(NarrowPair a, NarrowPair b) { return {a.x - b.x, a.y - b.y}; }
  friend NarrowPair operator*(NarrowPair a, NarrowPair b) { return {a.x * b.x, a.y * b.y}; }
  friend NarrowPair operator/(NarrowPair a, NarrowPair b) { return {a.x / b.x, a.y / b.y}; }
};

template <class Format>
constexpr bool shuffled<Narrow<Format>> = true;
template <class Format>
constexpr bool shuffled<NarrowPair<Format>> = true;

}  // namespace cuda_on_host

template <class Format>
auto __hadd(cuda_on_host::Narrow<Format> a, cuda_on_host::Narrow<Format> b) {
  return a + b;
}
template <class Format>
auto __hsub(cuda_on_host::Narrow<Format> a, cuda_on_host::Narrow<Format> b) {
  return a - b;
}
template <class Format>
auto __hmul(cuda_on_host::Narrow<Format> a, cuda_on_host::Narrow<Format> b) {
  return a * b;
}
template <class Format>
auto __hmax(cuda_on_host::Narrow<Format> a, cuda_on_host::Narrow<Format> b) {
  return cuda_on_host::Narrow<Format>(fmaxf(a, b));
}
template <class Format>
auto __hmin(cuda_on_host::Narrow<Format> a, cuda_on_host::Narrow<Format> b) {
  return cuda_on_host::Narrow<Format>(fminf(a, b));
}
template <class Format>
auto __hneg(cuda_on_host::Narrow<Format> a) {
  return -a;
}
template <class Format>
bool __hisnan(cuda_on_host::Narrow<Format> a) {
  return isnan(float{a});
}

template <class Format>
auto __hadd2(cuda_on_host::NarrowPair<Format> a, cuda_on_host::NarrowPair<Format> b) {
  return a + b;
}
template <class Format>
auto __hsub2(cuda_on_host::NarrowPair<Format> a, cuda_on_host::NarrowPair<Format> b) {
  return a - b;
}
template <class Format>
auto __hmul2(cuda_on_host::NarrowPair<Format> a, cuda_on_host::NarrowPair<Format> b) {
  return a * b;
}
template <class Format>
auto __hmax2(cuda_on_host::NarrowPair<Format> a, cuda_on_host::NarrowPair<Format> b) {
  return cuda_on_host::NarrowPair<Format>{__hmax(a.x, b.x), __hmax(a.y, b.y)};
}
template <class Format>
auto __hmin2(cuda_on_host::NarrowPair<Format> a, cuda_on_host::NarrowPair<Format> b) {
  return cuda_on_host::NarrowPair<Format>{__hmin(a.x, b.x), __hmin(a.y, b.y)};
}
template <class Format>
float __low2float(cuda_on_host::NarrowPair<Format> a) {
  return a.x;
}
template <class Format>
float __high2float(cuda_on_host::NarrowPair<Format> a) {
  return a.y;
}
