#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "core/float.h"

namespace sumi {

/// How an element is stored. Kernels compute on f32, bf16 and (on GPUs) f16; the others exist in files.
enum class DType : std::uint8_t { f32, bf16, f16, f64, f8_e4m3, f8_e5m2, u8, i8, i16, i32, i64, boolean };

std::size_t bytes_of(DType type);
std::string_view name_of(DType type);

template <class T>
constexpr DType dtype_of();
template <>
constexpr DType dtype_of<float>() {
  return DType::f32;
}
template <>
constexpr DType dtype_of<bf16>() {
  return DType::bf16;
}
template <>
constexpr DType dtype_of<f16>() {
  return DType::f16;
}
template <>
constexpr DType dtype_of<double>() {
  return DType::f64;
}
template <>
constexpr DType dtype_of<std::uint8_t>() {
  return DType::u8;
}
template <>
constexpr DType dtype_of<std::int32_t>() {
  return DType::i32;
}
template <>
constexpr DType dtype_of<std::int64_t>() {
  return DType::i64;
}

/// Reads `out.size()` elements of any stored type as float32. `from` need not be aligned.
void to_float(DType type, const std::byte* from, std::span<float> out);
/// Rounds float32 to f32, bf16 or f16; other types are refused with Error(internal).
void from_float(std::span<const float> from, DType type, std::byte* out);

}  // namespace sumi
