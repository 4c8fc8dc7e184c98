#pragma once

#include <cstddef>

namespace sumi {

// Conversions by the instructions of one set; the files that hold them include nothing else, so that no function the
// program shares is compiled for a processor that it may not run on.

namespace avx2 {
/// `count` values of IEEE 754 binary16, which need not be aligned.
void widen_f16(const void* from, std::size_t count, float* to);
}  // namespace avx2
namespace avx512 {
void widen_f16(const void* from, std::size_t count, float* to);
}  // namespace avx512
namespace neon {
void widen_f16(const void* from, std::size_t count, float* to);
}  // namespace neon

}  // namespace sumi
