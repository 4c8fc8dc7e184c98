#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "sumi/request.h"

namespace sumi {

/// Standard normal noise from a seed, value by value what PyTorch's `randn` draws for it. Successive calls continue, as
/// successive calls of `randn` on one generator do; the split into calls matters.
class NoiseSource {
 public:
  virtual ~NoiseSource() = default;
  virtual void fill(std::span<float> out) = 0;
};

/// Rng::cpu: mt19937 of the seed's lower 32 bits; 16 values and more by Box-Muller over blocks of 16, fewer in pairs.
/// Rng::philox: Philox4x32-10 (Salmon et al., 2011) with one counter a value and one offset a call, which is what the
/// generator of a GPU gives while a draw fits its grid of threads.
std::unique_ptr<NoiseSource> make_noise(Rng kind, std::uint64_t seed);

/// A seed from the system's entropy, below 2^32 so that every program of the field can take it.
std::uint64_t random_seed();

}  // namespace sumi
