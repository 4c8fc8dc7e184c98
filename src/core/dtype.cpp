#include "core/dtype.h"

#include <array>
#include <cstring>

#include "core/check.h"
#include "core/isa.h"
#include "core/widen_simd.h"

namespace sumi {
namespace {

template <class T>
void widen(const std::byte* from, std::span<float> out) {
  for (std::size_t i = 0; i < out.size(); ++i) {
    T value;
    std::memcpy(&value, from + i * sizeof(T), sizeof(T));
    out[i] = static_cast<float>(value);
  }
}

/// A byte has few values.
template <class T>
void widen_bytes(const std::byte* from, std::span<float> out) {
  static const auto values = [] {
    std::array<float, 256> table;
    for (unsigned bits = 0; bits < table.size(); ++bits)
      table[bits] = static_cast<float>(T{static_cast<std::uint8_t>(bits)});
    return table;
  }();
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = values[std::to_integer<std::size_t>(from[i])];
}

void widen_f16(const std::byte* from, std::span<float> out) {
#if defined(__x86_64__)
  const Isa isa = processor_isa();
  if (isa >= Isa::avx512) return avx512::widen_f16(from, out.size(), out.data());
  if (isa >= Isa::avx2) return avx2::widen_f16(from, out.size(), out.data());
#elif defined(__aarch64__)
  if (processor_isa() >= Isa::neon) return neon::widen_f16(from, out.size(), out.data());
#endif
  widen<f16>(from, out);
}

template <class T>
void narrow(std::span<const float> from, std::byte* out) {
  for (std::size_t i = 0; i < from.size(); ++i) {
    const T value{from[i]};
    std::memcpy(out + i * sizeof(T), &value, sizeof(T));
  }
}

}  // namespace

std::size_t bytes_of(DType type) {
  switch (type) {
    case DType::f64:
    case DType::i64: return 8;
    case DType::f32:
    case DType::i32: return 4;
    case DType::bf16:
    case DType::f16:
    case DType::i16: return 2;
    default: return 1;
  }
}

std::string_view name_of(DType type) {
  switch (type) {
    case DType::f32: return "f32";
    case DType::bf16: return "bf16";
    case DType::f16: return "f16";
    case DType::f64: return "f64";
    case DType::f8_e4m3: return "f8_e4m3";
    case DType::f8_e5m2: return "f8_e5m2";
    case DType::u8: return "u8";
    case DType::i8: return "i8";
    case DType::i16: return "i16";
    case DType::i32: return "i32";
    case DType::i64: return "i64";
    case DType::boolean: return "bool";
  }
  return "?";
}

void to_float(DType type, const std::byte* from, std::span<float> out) {
  if (out.empty()) return;  // memcpy refuses null even for no bytes
  switch (type) {
    case DType::f32: std::memcpy(out.data(), from, out.size_bytes()); return;
    case DType::bf16: widen<bf16>(from, out); return;
    case DType::f16: widen_f16(from, out); return;
    case DType::f64: widen<double>(from, out); return;
    case DType::f8_e4m3: widen_bytes<f8_e4m3>(from, out); return;
    case DType::f8_e5m2: widen_bytes<f8_e5m2>(from, out); return;
    case DType::boolean:
    case DType::u8: widen<std::uint8_t>(from, out); return;
    case DType::i8: widen<std::int8_t>(from, out); return;
    case DType::i16: widen<std::int16_t>(from, out); return;
    case DType::i32: widen<std::int32_t>(from, out); return;
    case DType::i64: widen<std::int64_t>(from, out); return;
  }
}

void from_float(std::span<const float> from, DType type, std::byte* out) {
  if (from.empty()) return;
  switch (type) {
    case DType::f32: std::memcpy(out, from.data(), from.size_bytes()); return;
    case DType::bf16: narrow<bf16>(from, out); return;
    case DType::f16: narrow<f16>(from, out); return;
    default: fail(ErrorCode::internal, "from_float: cannot round to {}", name_of(type));
  }
}

}  // namespace sumi
