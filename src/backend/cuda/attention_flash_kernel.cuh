#pragma once

#include "backend/cuda/attention_flash_parts.cuh"
#include "backend/cuda/launch.h"

// Flash attention (Dao et al., 2022 and 2023): a block keeps a tile of one head's queries while the keys and values of
// the head pass through shared memory, and scores never leave registers.
//
// Each of four warps has 16 or 32 queries of its own. With 32, every factor that is loaded from shared memory serves
// two products. That is what H100 needs: its multiprocessor does a product of 16 x 8 x 16 in 1.6 cycles, and loads the
// keys of two in four. Where that many queries would leave multiprocessors idle, 16 do.
namespace sumi::cuda::flash {

/// Blocks that a multiprocessor's registers are shared by: 168 a thread for three, 255 for two. Before 8.0 shared
/// memory is enough for two, and copies pass through registers.
constexpr int blocks_together(int head_dim, int tiles) { return copies_beside && head_dim * tiles <= 96 ? 3 : 2; }

/// Queries' factors stay in registers where these are enough, else each tile of keys loads them again.
constexpr bool keeps_queries(int head_dim, int tiles) { return tiles == 1 || (head_dim >= 64 && head_dim <= 96); }

/// A warp's queries, `tiles` times 16 of them. In a tile, rows g and g + 8 are this lane's and its three neighbours'.
template <class T, int head_dim, int tiles>
class Queries {
 public:
  /// `rows`: of the warp's queries in shared memory, where `store` puts the results.
  __device__ __forceinline__ explicit Queries(T* rows) : rows_(rows) {
#pragma unroll
    for (int i = 0; i < tiles; ++i) most_[i][0] = most_[i][1] = -INFINITY;
  }

  __device__ __forceinline__ void load() {
    if constexpr (keep) {
#pragma unroll
      for (int step = 0; step < steps; ++step) {
#pragma unroll
        for (int i = 0; i < tiles; ++i) load_operand(kept_[step][i], i, step);
      }
    }
  }

  /// Attends to `keys` keys in shared memory. Query `row` of the warp sees those below `seen` + row, and below `limit`;
  /// all of them where not `masked`.
  template <int keys, bool masked>
  __device__ __forceinline__ void attend(const T* k, const T* v, float scale, int seen, int limit) {
    float scores[tiles][keys / 8][4] = {};
    multiply_keys<keys>(scores, k);
    if constexpr (masked) {
#pragma unroll
      for (int i = 0; i < tiles; ++i) {
#pragma unroll
        for (int n = 0; n < keys / 8; ++n) mask(scores[i][n], seen + 16 * i - 8 * n, limit - 8 * n);
      }
    }
    soften<keys>(scores, scale);
    add_values<keys>(scores, v);
  }

  /// Writes the first `valid` rows to memory, 16 bytes a lane, by way of the warp's own rows of shared memory.
  __device__ __forceinline__ void store(T* to, int stride_of_y, int valid, int valid_columns) {
    const int lane = static_cast<int>(threadIdx.x % 32), g = lane / 4, t = lane % 4;
#pragma unroll
    for (int i = 0; i < tiles; ++i) {
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        const float inverse = __fdividef(1, sum_of_four(total_[i][half]));
        T* const row = rows_ + (16 * i + 8 * half + g) * stride + 2 * t;
#pragma unroll
        for (int n = 0; n < head_dim / 8; ++n) {
          *reinterpret_cast<unsigned*>(row + 8 * n) =
              word_of<T>(sum_[i][n][2 * half] * inverse, sum_[i][n][2 * half + 1] * inverse);
        }
      }
    }
    __syncwarp();
    write_rows<16 * tiles, head_dim, 32>(to, rows_, stride_of_y, valid, valid_columns);
  }

 private:
  static constexpr int stride = row_stride(head_dim), steps = head_dim / 16;
  static constexpr bool keep = keeps_queries(head_dim, tiles);

  __device__ __forceinline__ void load_operand(unsigned (&word)[4], int tile, int step) const {
    load_matrices(word, rows_ + left_operand_ + 16 * tile * stride + 16 * step);
  }

  /// scores = queries keys^T. A row of keys is a column of the product's right operand.
  template <int keys>
  __device__ __forceinline__ void multiply_keys(float (&scores)[tiles][keys / 8][4], const T* k) const {
#pragma unroll
    for (int step = 0; step < steps; ++step) {
      unsigned a[tiles][4];
#pragma unroll
      for (int i = 0; i < tiles; ++i) {
        if constexpr (keep) {
#pragma unroll
          for (int w = 0; w < 4; ++w) a[i][w] = kept_[step][i][w];
        } else {
          load_operand(a[i], i, step);
        }
      }
#pragma unroll
      for (int n = 0; n < keys / 8; n += 2) {
        unsigned b[4];
        load_matrices(b, k + right_operand_ + 8 * n * stride + 16 * step);
#pragma unroll
        for (int i = 0; i < tiles; ++i) {
          multiply_add<T>(scores[i][n], a[i], b[0], b[1]);
          multiply_add<T>(scores[i][n + 1], a[i], b[2], b[3]);
        }
      }
    }
  }

  /// Scores to weights 2^(scale score - most_), and their sums.
  template <int keys>
  __device__ __forceinline__ void soften(float (&scores)[tiles][keys / 8][4], float scale) {
    raise<keys>(scores, scale);
#pragma unroll
    for (int i = 0; i < tiles; ++i) {
#pragma unroll
      for (int n = 0; n < keys / 8; ++n) {
#pragma unroll
        for (int w = 0; w < 4; ++w) {
          scores[i][n][w] = power_of_2(fmaf(scores[i][n][w], scale, -most_[i][w / 2]));
          total_[i][w / 2] += scores[i][n][w];
        }
      }
    }
  }

  /// Raises most_ to the largest score where one exceeds it by `slack`, which after a few tiles hardly happens: so much
  /// larger than 1 weights may be, and sums need no scaling (as in FlashAttention-4).
  template <int keys>
  __device__ __forceinline__ void raise(const float (&scores)[tiles][keys / 8][4], float scale) {
    float most[tiles][2];
    bool exceeded = false;
#pragma unroll
    for (int i = 0; i < tiles; ++i) {
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        float largest = scores[i][0][2 * half];
#pragma unroll
        for (int n = 0; n < keys / 8; ++n) {
          largest = fmaxf(largest, fmaxf(scores[i][n][2 * half], scores[i][n][2 * half + 1]));
        }
        most[i][half] = scale * most_of_four(largest);
        exceeded |= most[i][half] > most_[i][half] + slack;
      }
    }
    if (!__any_sync(~0u, exceeded)) return;
#pragma unroll
    for (int i = 0; i < tiles; ++i) {
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        const float raised = fmaxf(most_[i][half], most[i][half]), factor = power_of_2(most_[i][half] - raised);
        most_[i][half] = raised;
        total_[i][half] *= factor;
#pragma unroll
        for (int n = 0; n < head_dim / 8; ++n) {
          sum_[i][n][2 * half] *= factor;
          sum_[i][n][2 * half + 1] *= factor;
        }
      }
    }
  }

  /// sum_ += weights values.
  template <int keys>
  __device__ __forceinline__ void add_values(const float (&weights)[tiles][keys / 8][4], const T* v) {
#pragma unroll
    for (int n = 0; n < keys / 8; n += 2) {
      unsigned a[tiles][4];
#pragma unroll
      for (int i = 0; i < tiles; ++i) {
#pragma unroll
        for (int w = 0; w < 4; ++w) {
          const auto& both = weights[i][n + w / 2];
          a[i][w] = word_of<T>(both[w % 2 * 2], both[w % 2 * 2 + 1]);
        }
      }
#pragma unroll
      for (int column = 0; column < head_dim / 8; column += 2) {
        unsigned b[4];
        load_transposed(b, v + left_operand_ + 8 * n * stride + 8 * column);
#pragma unroll
        for (int i = 0; i < tiles; ++i) {
          multiply_add<T>(sum_[i][column], a[i], b[0], b[1]);
          multiply_add<T>(sum_[i][column + 1], a[i], b[2], b[3]);
        }
      }
    }
  }

  T* rows_;
  const int left_operand_ = left_operand(stride), right_operand_ = right_operand(stride);
  unsigned kept_[keep ? steps : 1][tiles][4];
  float sum_[tiles][head_dim / 8][4] = {};
  float most_[tiles][2], total_[tiles][2] = {};
};

/// Grid: tiles of queries, heads, batch. Keys and values come in tiles through `stages` buffers: with two, the next
/// tile is copied while one is computed with.
template <class T, int head_dim, int tiles>
__global__ void __launch_bounds__(threads, blocks_together(head_dim, tiles)) attend(const Heads<T> heads, int stages) {
  if constexpr (multiplies<T>) {
    constexpr int rows = 16 * tiles * warps, keys = keys_of_tile(head_dim), stride = row_stride(head_dim);
    T* const shared = dynamic_shared<T>();
    T* const buffers = shared + rows * stride;
    const int first = static_cast<int>(blockIdx.x) * rows, head = static_cast<int>(blockIdx.y) * heads.head_dim;
    const std::int64_t first_key = static_cast<std::int64_t>(blockIdx.z) * heads.keys;
    const std::int64_t first_query = static_cast<std::int64_t>(blockIdx.z) * heads.queries + first;
    // Not unrolled: what the copies of keys and of values have in common then takes registers once.
    const auto copy_tile = [&](int tile) {
      T* const to = buffers + (stages == 2 ? tile % 2 : 0) * 2 * keys * stride;
#pragma unroll 1
      for (int of = 0; of < 2; ++of) {
        const int stride_of = of == 0 ? heads.k_stride : heads.v_stride;
        copy_rows<keys, head_dim, threads>(to + of * keys * stride,
                                           (of == 0 ? heads.k : heads.v) + (first_key + tile * keys) * stride_of + head,
                                           stride_of, heads.keys - tile * keys, heads.head_dim);
      }
    };
    copy_rows<rows, head_dim, threads>(shared, heads.q + first_query * heads.q_stride + head, heads.q_stride,
                                       heads.queries - first, heads.head_dim);

    const int own = __shfl_sync(~0u, static_cast<int>(threadIdx.x) / 32, 0) * 16 * tiles;
    Queries<T, head_dim, tiles> queries(shared + own * stride);
    // Keys that any of the block's queries sees, all of the warp's, and any of the warp's.
    const auto seen = [&](int row) { return heads.causal ? min(heads.keys, first + row + 1) : heads.keys; };
    const int ever = seen(rows - 1), always = seen(own), some = seen(own + 16 * tiles - 1);
    for (int tile = 1 - stages; tile * keys < ever; ++tile) {
      __syncthreads();  // all have left the tile before
      const int next = tile + stages - 1;
      if (next * keys < ever) copy_tile(next);
      end_copies();
      if (tile < 0) continue;
      stages == 2 ? wait_for_copies<1>() : wait_for_copies<0>();
      __syncthreads();  // the tile is there for all
      if (tile == 0) queries.load();
      const T* const k_rows = buffers + (stages == 2 ? tile % 2 : 0) * 2 * keys * stride;
      const T* const v_rows = k_rows + keys * stride;
      if ((tile + 1) * keys <= always) {
        queries.template attend<keys, false>(k_rows, v_rows, heads.scale, 0, 0);
      } else {
        for (int key = tile * keys; key < min((tile + 1) * keys, some); key += 16) {
          const int offset = (key - tile * keys) * stride;
          queries.template attend<16, true>(k_rows + offset, v_rows + offset, heads.scale,
                                            heads.causal ? first + own + 1 - key : heads.keys, heads.keys - key);
        }
      }
    }
    const int width = heads.count * heads.head_dim;
    queries.store(heads.y + (first_query + own) * width + head, width, heads.queries - first - own, heads.head_dim);
  }
}

}  // namespace sumi::cuda::flash
