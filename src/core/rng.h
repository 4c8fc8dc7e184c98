#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "core/philox.h"
#include "sumi/request.h"

namespace sumi {

/// Standard normal noise from a seed, value by value what PyTorch's `randn` draws for it. Successive calls continue, as
/// successive calls of `randn` on one generator do; the split into calls matters.
class NoiseSource {
 public:
  virtual ~NoiseSource() = default;
  virtual void fill(std::span<float> out) = 0;
  /// The next draw, where others may make it, who then go on to the next offset; else null.
  virtual PhiloxDraw* next_draw() { return nullptr; }
};

/// Rng::cpu: mt19937 of the seed's lower 32 bits; 16 values and more by Box-Muller over blocks of 16, fewer in pairs.
/// Rng::philox: Philox4x32-10 with one counter a value and one offset a call. On a GPU `randn` gives the same while a
/// draw has no more values than the GPU keeps threads: 270,336 on an H100, 43,008 on an RTX 3060. Of a larger draw it
/// takes more words of each counter, so that its values depend on the GPU; these do not.
std::unique_ptr<NoiseSource> make_noise(Rng kind, std::uint64_t seed);

/// A value of a draw of Rng::philox.
float normal(const PhiloxDraw& draw, std::uint64_t number);

/// A seed from the system's entropy, below 2^32 so that every program of the field can take it.
std::uint64_t random_seed();

}  // namespace sumi
