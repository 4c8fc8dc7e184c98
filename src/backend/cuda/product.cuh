#pragma once

#include "backend/cuda/values.cuh"

namespace sumi::cuda {

// Products of matrices in float32 without tensor cores, for the plain kernels of linears and convolutions.
//
// A block of 16 by 16 threads computes a tile of y, 64 rows by 64 columns, 4 by 4 in each thread. Factors come 16 of
// each sum at a time: while a thread multiplies what lies in shared memory, the next it is to put there are on their
// way to its registers. In shared memory a sum's factors lie below each other, so that a thread reads 4 rows, or
// columns, as one float4: 2 reads for 16 multiplications.

constexpr int tile_side = 64, tile_depth = 16, product_threads = 256;
/// A multiple of 16 bytes, at which stores of a warp meet in a bank at most two at a time.
constexpr int tile_stride = tile_side + 4;

/// Four neighbours of a row, of which `left` are there; the others are 0. `wide`: four are, and one access reads them.
template <class T>
__device__ __forceinline__ void load_four(const T* from, int left, bool wide, float (&to)[4]) {
  if (wide && left > 0) return load(from, to);
#pragma unroll
  for (int i = 0; i < 4; ++i) to[i] = i < left ? to_float(from[i]) : 0;
}

/// The row of a block's tile that a thread loads, and from which factor on: four of every 16.
__device__ __forceinline__ int loaded_row() { return static_cast<int>(threadIdx.x) / 4; }
__device__ __forceinline__ int loaded_factor() { return static_cast<int>(threadIdx.x) % 4 * 4; }

/// A thread's way along a row of a matrix (rows, factors).
template <class T>
class MatrixRow {
 public:
  MatrixRow() = default;
  /// `wide`: rows begin on multiples of four elements.
  __device__ MatrixRow(const T* matrix, int row, int rows, int factors, bool wide)
      : at_(matrix + static_cast<std::int64_t>(row < rows ? row : 0) * factors + loaded_factor()),
        left_(row < rows ? factors - loaded_factor() : 0),
        wide_(wide) {}

  __device__ __forceinline__ void next(float (&values)[4]) {
    load_four(at_, left_, wide_, values);
    at_ += tile_depth;
    left_ -= tile_depth;
  }

 private:
  const T* at_;
  int left_;
  bool wide_;
};

/// Where a block's tile begins. Blocks that follow each other share rows: those of activations, which are many.
struct TilePlace {
  __device__ explicit TilePlace(int columns) {
    const int across = (columns + tile_side - 1) / tile_side;
    row = static_cast<int>(blockIdx.x) / across * tile_side;
    column = static_cast<int>(blockIdx.x) % across * tile_side;
  }
  int row, column;
};
inline dim3 tiles_of(std::int64_t rows, std::int64_t columns) {
  const std::int64_t tiles = (rows + tile_side - 1) / tile_side * ((columns + tile_side - 1) / tile_side);
  check(rows < std::int64_t{1} << 31 && columns < std::int64_t{1} << 31 && tiles < std::int64_t{1} << 31,
        ErrorCode::unsupported, "cuda: a product of {} rows and {} columns", rows, columns);
  return {static_cast<unsigned>(tiles)};
}

/// The sums of one tile for `finish(row, column, sum...)`, with as many sums as there are weights. `x` and `weights`
/// are the thread's ways along its rows of the factors.
template <int Weights, class Row, class Weight, class Finish>
__device__ __forceinline__ void multiply(Row x, Weight (&weights)[Weights], int factors, const TilePlace& place,
                                         const Finish& finish) {
  __shared__ __align__(16) float x_tile[2][tile_depth][tile_stride];
  __shared__ __align__(16) float weight_tile[2][Weights][tile_depth][tile_stride];
  const int row = static_cast<int>(threadIdx.x) / 16 * 4, column = static_cast<int>(threadIdx.x) % 16 * 4;

  float sums[Weights][4][4] = {}, next_x[4], next_weights[Weights][4];
  const auto fetch = [&] {
    x.next(next_x);
#pragma unroll
    for (int h = 0; h < Weights; ++h) weights[h].next(next_weights[h]);
  };

  fetch();
  for (int first = 0; first < factors; first += tile_depth) {
    // The tile that others may still read is the other one.
    const int turn = first / tile_depth % 2;
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      x_tile[turn][loaded_factor() + i][loaded_row()] = next_x[i];
#pragma unroll
      for (int h = 0; h < Weights; ++h) weight_tile[turn][h][loaded_factor() + i][loaded_row()] = next_weights[h][i];
    }
    __syncthreads();
    if (first + tile_depth < factors) fetch();
#pragma unroll
    for (int k = 0; k < tile_depth; ++k) {
      const auto a = pack_at<4>(&x_tile[turn][k][row], 0);
#pragma unroll
      for (int h = 0; h < Weights; ++h) {
        const auto b = pack_at<4>(&weight_tile[turn][h][k][column], 0);
#pragma unroll
        for (int i = 0; i < 16; ++i) sums[h][i / 4][i % 4] += a.values[i / 4] * b.values[i % 4];
      }
    }
  }

#pragma unroll
  for (int i = 0; i < 16; ++i) {
    const int r = place.row + row + i / 4, o = place.column + column + i % 4;
    if (r >= finish.rows || o >= finish.columns) continue;
    if constexpr (Weights == 1) {
      finish(r, o, sums[0][i / 4][i % 4]);
    } else {
      finish(r, o, sums[0][i / 4][i % 4], sums[1][i / 4][i % 4]);
    }
  }
}

}  // namespace sumi::cuda
