#pragma once

#include <cmath>

#include "backend/cuda/values.cuh"

// What the kernels of match_tokens.cu share.

namespace sumi::cuda {
namespace {

using Key = unsigned long long;

/// Of a cosine and its destination: the larger key has the larger cosine, of equal ones the first destination.
__device__ Key key_of(float cosine, int destination) {
  const auto bits = std::bit_cast<std::uint32_t>(cosine + 0.0f);  // no -0: it equals 0
  const std::uint32_t rising = bits >> 31 ? ~bits : bits | 0x80000000u;
  return static_cast<Key>(rising) << 32 | static_cast<std::uint32_t>(~destination);
}
__device__ std::uint32_t cosine_of(Key key) { return static_cast<std::uint32_t>(key >> 32); }
__device__ int destination_of(Key key) { return ~static_cast<int>(static_cast<std::uint32_t>(key)); }

struct Extent {
  int tokens, channels, destinations, sources, merged;
};

/// Scratch.
struct Tables {
  Key* match;      ///< (batch, sources): of the best destination so far
  int* rank;       ///< (batch, sources): how many sources merge before this one
  int* source;     ///< (sources): their tokens
  float* inverse;  ///< (batch, tokens): 1 / length, 0 of zeros
};

/// The best of destinations that are asked in their order. Where all cosines are NaN the first.
struct Best {
  float cosine = -INFINITY;
  int destination = 0;

  __device__ void ask(float of, int i) {
    if (of > cosine) cosine = of, destination = i;
  }
  /// Over the 2^k neighbours of which a lane is one.
  __device__ Key among(int lanes) const {
    Key key = key_of(cosine, destination);
    for (int apart = lanes / 2; apart > 0; apart /= 2) key = max(key, __shfl_xor_sync(0xffffffffu, key, apart));
    return key;
  }
};

/// One picture's tokens by their numbers among sources and destinations.
template <class T>
struct Picture {
  const T* x;
  const float* inverse;
  Key* match;
  const int* source;
  const std::int32_t* destination;
  const Extent& e;

  __device__ Picture(const T* all, const std::int32_t* destinations, const Tables& tables, const Extent& extent, int n)
      : x(all + static_cast<std::int64_t>(n) * extent.tokens * extent.channels),
        inverse(tables.inverse + static_cast<std::int64_t>(n) * extent.tokens),
        match(tables.match + static_cast<std::int64_t>(n) * extent.sources),
        source(tables.source),
        destination(destinations),
        e(extent) {}

  /// Channels of a source or destination; null beyond the last.
  __device__ const T* source_row(int i) const { return i < e.sources ? row(source[i]) : nullptr; }
  __device__ const T* destination_row(int i) const { return i < e.destinations ? row(destination[i]) : nullptr; }
  __device__ float source_inverse(int i) const { return i < e.sources ? inverse[source[i]] : 0; }
  /// NaN beyond the last, which is larger than no cosine.
  __device__ float destination_inverse(int i) const { return i < e.destinations ? inverse[destination[i]] : NAN; }
  /// A maximum is the same in any order.
  __device__ void offer(int i, Key key) const {
    if (i < e.sources) atomicMax(match + i, key);
  }

 private:
  __device__ const T* row(int token) const { return x + static_cast<std::int64_t>(token) * e.channels; }
};

}  // namespace
}  // namespace sumi::cuda
