#pragma once

#include "backend/cuda/launch.h"
#include "backend/cuda/match_tokens.cuh"
#include "backend/cuda/mma.cuh"

// Products of sources with destinations on tensor cores: channels of 16 bits, a multiple of eight. Sums are in float32.

namespace sumi::cuda {
namespace {
namespace mma {

/// A block multiplies `tile` sources with `tile` destinations, `depth` channels at a time; while it does, the next two
/// slices are on their way. Its warps have 32 sources and 64 destinations each.
constexpr int threads = 256, tile = 128, depth = 32, stages = 3;
constexpr int warp_rows = 32, warp_columns = 64, warps_across = tile / warp_columns;
/// Eight channels, 16 bytes, are what is copied and loaded at a time.
constexpr int eight = 8, across = depth / eight;

/// `depth` channels of a tile's tokens. Two rows share 128 bytes; eights are exchanged so that those of eight rows lie
/// in different 16 bytes of 128.
template <class T>
struct Slice {
  alignas(128) T values[tile * depth];

  __device__ T* at(int row, int of_channels) { return values + row * depth + (of_channels ^ row / 2 % across) * eight; }
};

template <class T>
struct Stage {
  Slice<T> sources, destinations;
};

/// What a thread copies of every slice: eight channels of four tokens.
template <class T>
struct Fetch {
  static constexpr int rows = tile * across / threads;
  const T *sources[rows], *destinations[rows], *anywhere;

  __device__ Fetch(const Picture<T>& picture, int first_source, int first_destination) : anywhere(picture.x) {
#pragma unroll
    for (int i = 0; i < rows; ++i) {
      sources[i] = picture.source_row(first_source + row(i));
      destinations[i] = picture.destination_row(first_destination + row(i));
    }
  }
  __device__ static int row(int i) { return threadIdx.x / across + i * (threads / across); }

  __device__ void operator()(Stage<T>& to, int channel, int channels) const {
    const int own = threadIdx.x % across, from = channel + own * eight;
    const auto copy = [&](T* shared, const T* token) {
      const bool valid = token && from < channels;
      copy_beside(shared, valid ? token + from : anywhere, valid);
    };
#pragma unroll
    for (int i = 0; i < rows; ++i) {
      copy(to.sources.at(row(i), own), sources[i]);
      copy(to.destinations.at(row(i), own), destinations[i]);
    }
  }
};

/// Sums of a warp: for each 16 sources and 8 destinations what multiply_add has.
using Sums = float[warp_rows / 16][warp_columns / 8][4];

template <class T>
__device__ __forceinline__ void multiply(Stage<T>& stage, int row, int column, Sums& sums) {
  const int lane = threadIdx.x % 32;
#pragma unroll
  for (int k = 0; k < across; k += 2) {
    unsigned a[warp_rows / 16][4];
#pragma unroll
    for (int i = 0; i < warp_rows / 16; ++i) {
      load_matrices(a[i], stage.sources.at(row + i * 16 + lane % 16, k + lane / 16));
    }
#pragma unroll
    for (int j = 0; j < warp_columns / 8; j += 2) {
      unsigned b[4];
      load_matrices(b, stage.destinations.at(column + j * 8 + lane / 16 * 8 + lane % 8, k + lane / 8 % 2));
#pragma unroll
      for (int i = 0; i < warp_rows / 16; ++i) {
        multiply_add<T>(sums[i][j], a[i], b[0], b[1]);
        multiply_add<T>(sums[i][j + 1], a[i], b[2], b[3]);
      }
    }
  }
}

/// Offers the best destination of each of the warp's sources.
template <class T>
__device__ __forceinline__ void offer(const Picture<T>& picture, int first_source, int first_destination,
                                      const Sums& sums) {
  const int lane = threadIdx.x % 32, group = lane / 4, pair = lane % 4;
  const auto destination = [&](int j) { return first_destination + j / 2 * 8 + pair * 2 + j % 2; };
  float inverse[warp_columns / 4];
#pragma unroll
  for (int j = 0; j < warp_columns / 4; ++j) inverse[j] = picture.destination_inverse(destination(j));
#pragma unroll
  for (int i = 0; i < warp_rows / 8; ++i) {
    const int source = first_source + i * 8 + group;
    const float own = picture.source_inverse(source);
    Best best;
#pragma unroll
    for (int j = 0; j < warp_columns / 4; ++j) {
      best.ask(sums[i / 2][j / 2][i % 2 * 2 + j % 2] * inverse[j] * own, destination(j));
    }
    const Key key = best.among(4);
    if (pair == 0) picture.offer(source, key);
  }
}

template <class T>
__global__ void __launch_bounds__(threads, 2)
    match(const T* __restrict__ x, const std::int32_t* __restrict__ destinations, Tables tables, Extent e) {
  auto* shared = dynamic_shared<Stage<T>>();
  const Picture<T> picture(x, destinations, tables, e, blockIdx.z);
  const int first_source = blockIdx.x * tile, first_destination = blockIdx.y * tile;
  const Fetch<T> fetch(picture, first_source, first_destination);
  const int steps = (e.channels + depth - 1) / depth;
  for (int step = 0; step < stages - 1; ++step) {
    fetch(shared[step], step * depth, e.channels);
    end_copies();
  }
  const int own = threadIdx.x / 32;
  const int row = own / warps_across * warp_rows, column = own % warps_across * warp_columns;
  Sums sums = {};
  for (int step = 0; step < steps; ++step) {
    wait_for_copies<stages - 2>();
    __syncthreads();
    fetch(shared[(step + stages - 1) % stages], (step + stages - 1) * depth, e.channels);
    end_copies();
    multiply(shared[step % stages], row, column, sums);
  }
  offer(picture, first_source + row, first_destination + column, sums);
}

}  // namespace mma
}  // namespace
}  // namespace sumi::cuda
