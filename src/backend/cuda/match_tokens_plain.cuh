#pragma once

#include "backend/cuda/match_tokens.cuh"

// Products of sources with destinations in float32.

namespace sumi::cuda {
namespace {
namespace plain {

/// A block multiplies `tile` sources with `tile` destinations, `depth` channels at a time, eight by eight in a thread.
constexpr int threads = 256, tile = 128, depth = 16, each = 8, side = tile / each, pad = 4;
static_assert(side * side == threads);

/// Channels of a tile's tokens, a channel's side by side.
using Slice = float[depth][tile + pad];

/// What a thread fetches of a slice while the one before is multiplied.
template <class T, int N>
struct Fetched {
  static constexpr int packs = tile * depth / N / threads, across = depth / N;
  Pack<T, N> values[packs];

  /// `row` gives the first element of a token, null beyond the last.
  template <class Row>
  __device__ void load(Row row, int channel, int channels) {
#pragma unroll
    for (int i = 0; i < packs; ++i) {
      const int item = threadIdx.x + i * threads, at = channel + item % across * N;
      const T* from = row(item / across);
      values[i] = from && at < channels ? pack_at<N>(from + at, 0) : Pack<T, N>{};
    }
  }
  __device__ void store(Slice& to) const {
#pragma unroll
    for (int i = 0; i < packs; ++i) {
      const int item = threadIdx.x + i * threads;
      float wide[N];
      to_float(values[i], wide);
#pragma unroll
      for (int k = 0; k < N; ++k) to[item % across * N + k][item / across] = wide[k];
    }
  }
};

/// A thread's eight of a tile are four and four, so that four lanes read 64 bytes side by side.
__device__ __forceinline__ int position(int thread, int i) { return i / 4 * (tile / 2) + thread * 4 + i % 4; }

__device__ __forceinline__ void multiply(const Slice& sources, const Slice& destinations, int row, int column,
                                         float (&dots)[each][each]) {
#pragma unroll
  for (int k = 0; k < depth; ++k) {
    float a[each], b[each];
#pragma unroll
    for (int i = 0; i < each; i += 4) {
      float part[4];
      load(&sources[k][position(row, i)], part);
      for (int j = 0; j < 4; ++j) a[i + j] = part[j];
      load(&destinations[k][position(column, i)], part);
      for (int j = 0; j < 4; ++j) b[i + j] = part[j];
    }
#pragma unroll
    for (int i = 0; i < each; ++i) {
#pragma unroll
      for (int j = 0; j < each; ++j) dots[i][j] += a[i] * b[j];
    }
  }
}

/// Every product is added up in the order of the channels, so that equal tokens have equal cosines.
template <class T, int N>
__global__ void __launch_bounds__(threads, 2)
    match(const T* __restrict__ x, const std::int32_t* __restrict__ destinations, Tables tables, Extent e) {
  __shared__ Slice a[2], b[2];
  const Picture<T> picture(x, destinations, tables, e, blockIdx.z);
  const int first_source = blockIdx.x * tile, first_destination = blockIdx.y * tile;
  const auto source_row = [&](int i) { return picture.source_row(first_source + i); };
  const auto destination_row = [&](int i) { return picture.destination_row(first_destination + i); };

  const int row = threadIdx.x / side, column = threadIdx.x % side;
  float dots[each][each] = {};
  Fetched<T, N> next_a, next_b;
  next_a.load(source_row, 0, e.channels);
  next_b.load(destination_row, 0, e.channels);
  for (int channel = 0, turn = 0; channel < e.channels; channel += depth, turn ^= 1) {
    next_a.store(a[turn]);
    next_b.store(b[turn]);
    __syncthreads();
    if (channel + depth < e.channels) {
      next_a.load(source_row, channel + depth, e.channels);
      next_b.load(destination_row, channel + depth, e.channels);
    }
    multiply(a[turn], b[turn], row, column, dots);
  }
  float inverse[each];
#pragma unroll
  for (int j = 0; j < each; ++j) {
    inverse[j] = picture.destination_inverse(first_destination + position(column, j));
  }
#pragma unroll
  for (int i = 0; i < each; ++i) {
    const int source = first_source + position(row, i);
    const float own = picture.source_inverse(source);
    Best best;
#pragma unroll
    for (int j = 0; j < each; ++j) best.ask(dots[i][j] * inverse[j] * own, first_destination + position(column, j));
    const Key key = best.among(side);
    if (column == 0) picture.offer(source, key);
  }
}

}  // namespace plain
}  // namespace
}  // namespace sumi::cuda
