#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>

#include "backend/cuda/device.h"
#include "ops/norm.h"

namespace sumi::cuda {

/// How the blocks of group_norm.cu share a batch: each has `chunk` pixels of `slab` groups, whose channels are a
/// multiple of the N that are loaded at a time, and its threads stand `across` the channels and `down` the pixels.
struct Tiling {
  static constexpr int threads = 512;

  int pixels, channels, groups, size;  ///< `size` channels in a group
  int slab, chunk, chunks;
  int across, down;

  int slabs() const { return (groups + slab - 1) / slab; }
  int block() const { return (across * down + 31) / 32 * 32; }
};

/// A mean and a sum of squares, or two sums.
constexpr int moments_bytes = 2 * sizeof(float);

/// As many groups as have channels that are a multiple of N.
inline int least_slab(const GroupNormOp::Case& c, int N) {
  return N / std::gcd(N, static_cast<int>(c.channels / c.groups));
}

inline Tiling make_tiling(const GroupNormOp::Case& c, int N, int slab, int chunks) {
  Tiling t{};
  t.pixels = static_cast<int>(c.pixels);
  t.channels = static_cast<int>(c.channels);
  t.groups = static_cast<int>(c.groups);
  t.size = t.channels / t.groups;
  t.slab = std::min(slab, t.groups);
  t.chunk = (t.pixels + chunks - 1) / chunks;
  t.chunks = (t.pixels + t.chunk - 1) / t.chunk;
  t.across = std::min(t.slab * t.size / N, Tiling::threads);
  t.down = std::min(Tiling::threads / t.across, t.chunk);
  return t;
}

// Blocks that hold their groups in shared memory.

/// Rows of at least 64 bytes, two sectors of the cache.
inline Tiling held_tiling(const GroupNormOp::Case& c, int N) {
  const int least = least_slab(c, N), row = least * static_cast<int>(c.channels / c.groups * bytes_of(c.x));
  return make_tiling(c, N, least * ((64 + row - 1) / row), 1);
}

/// Of shared memory for what threads add up, N channels each.
inline int sums_bytes(const Tiling& t, int N) { return N * t.across * t.down * moments_bytes; }

/// Of shared memory for these and x; 0 where a block should not hold it. It moves some 40 bytes a cycle, and with more
/// than 96 KiB takes longer than another launch and reading x twice would.
inline int held_bytes(const Device& device, const GroupNormOp::Case& c, const Tiling& t, int N) {
  constexpr std::int64_t most = 96 << 10, norms = Tiling::threads * moments_bytes;
  const std::int64_t packs = static_cast<std::int64_t>((t.pixels + t.down - 1) / t.down) * t.across * t.down;
  const std::int64_t x = packs * N * static_cast<std::int64_t>(bytes_of(c.x)), all = x + sums_bytes(t, N);
  const bool reaches = t.slab * t.size <= t.across * N && t.slab <= Tiling::threads;
  const auto available = static_cast<std::int64_t>(device.properties().sharedMemPerBlockOptin);
  return reaches && x <= most && all + norms <= available ? static_cast<int>(all) : 0;
}

// Blocks that have a chunk of pixels.

/// Each block reads the moments of all chunks, `chunks` for a group, beside its part of x: no more than that at the
/// square root. Two blocks a multiprocessor keep the memory busy, in one wave.
inline int chunks_of(const Device& device, const GroupNormOp::Case& c) {
  const double bytes = static_cast<double>(c.pixels * c.channels) * static_cast<double>(bytes_of(c.x));
  const double even = std::sqrt(bytes / static_cast<double>(c.groups * moments_bytes));
  const std::int64_t most = std::clamp<std::int64_t>(2 * device.processors() / c.batch, 1, c.pixels);
  return std::clamp(static_cast<int>(even), 1, static_cast<int>(most));
}

/// As many groups as the threads reach across, evenly.
inline Tiling chunked_tiling(const Device& device, const GroupNormOp::Case& c, int N) {
  const int least = least_slab(c, N), row = least * static_cast<int>(c.channels / c.groups) / N;
  const int units = static_cast<int>(c.groups) / least, most = std::max(Tiling::threads / row, 1);
  const int slabs = (units + most - 1) / most;
  return make_tiling(c, N, least * ((units + slabs - 1) / slabs), chunks_of(device, c));
}

/// Whether threads reach across the groups that share a pack of N, or there is only one.
inline bool reaches(const GroupNormOp::Case& c, int N) {
  const int least = least_slab(c, N);
  return least == 1 || c.channels / c.groups * least <= Tiling::threads * N;
}

}  // namespace sumi::cuda
