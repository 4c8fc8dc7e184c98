#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>

namespace sumi {

struct FreeAligned {
  void operator()(float* data) const { std::free(data); }
};
using AlignedFloats = std::unique_ptr<float[], FreeAligned>;

/// Working memory from a cache line's beginning on; contents undefined. Throws std::bad_alloc.
inline AlignedFloats aligned_floats(std::size_t count) {
  constexpr std::size_t line = 64;
  void* data = std::aligned_alloc(line, (count * sizeof(float) + line) / line * line);
  if (!data) throw std::bad_alloc();
  return AlignedFloats(static_cast<float*>(data));
}

}  // namespace sumi
