#include "backend/cuda/attention_flash_parts.cuh"
#include "backend/cuda/attention_flash_run.h"
#include "backend/cuda/launch.h"

// Flash attention for heads whose sums no warp could hold: eight warps share 64 queries, and half of a multiprocessor's
// registers are their sums. For scores they are cut into four times 16 queries by two halves of the tile's keys, for
// sums into two times 32 queries by four quarters of the columns; weights go from one to the other through shared
// memory. A score of 16 x 8 x 16 takes 0.75 matrices of factors, a sum 0.31, so for 64 keys shared memory is busy 1.3
// times as long as H100's tensor cores; and since every block reads all keys and values, its L2 cache 1.5 times.
namespace sumi::cuda::flash::wide {
namespace {

constexpr int stride = row_stride(head_dim);
constexpr int halves = 2, columns_of_warp = head_dim / 4, rows_of_sums = 32;

/// What is in the block's shared memory.
template <class T, int keys>
struct Shared {
  T* const q = dynamic_shared<T>();
  T* const k = q + queries * stride;
  T* const v = k + keys * stride;
  T* const weights = v + keys * stride;
  /// By half and row: what the rows' two warps tell each other.
  float* const told = reinterpret_cast<float*>(weights + queries * row_stride(keys));
};

/// A warp's scores of 16 queries and half of a tile's keys, and what it knows of their softmax. Rows g and g + 8 are
/// this lane's and its three neighbours'.
template <class T, int keys>
class Scores {
 public:
  __device__ __forceinline__ explicit Scores(const Shared<T, keys>& shared) : shared_(shared) {}

  __device__ __forceinline__ void multiply(int steps) {
#pragma unroll
    for (auto& each : score_) each[0] = each[1] = each[2] = each[3] = 0;
    const T* const q = shared_.q + first_row_ * stride + left_operand(stride);
    const T* const k = shared_.k + first_key_ * stride + right_operand(stride);
#pragma unroll 4
    for (int step = 0; step < steps; ++step) {
      unsigned a[4];
      load_matrices(a, q + 16 * step);
#pragma unroll
      for (int n = 0; n < count; n += 2) {
        unsigned b[4];
        load_matrices(b, k + 8 * n * stride + 16 * step);
        multiply_add<T>(score_[n], a, b[0], b[1]);
        multiply_add<T>(score_[n + 1], a, b[2], b[3]);
      }
    }
  }

  /// Row r of the block sees keys of the tile below `seen` + r and below `limit`.
  __device__ __forceinline__ void hide(int seen, int limit) {
#pragma unroll
    for (int n = 0; n < count; ++n) {
      const int first = first_key_ + 8 * n;
      mask(score_[n], seen + first_row_ - first, limit - first);
    }
  }

  /// Whether a score exceeds what its row's weights are relative to by `slack`.
  __device__ __forceinline__ bool exceed(float scale) {
    bool exceeded = false;
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      float largest = score_[0][2 * half];
#pragma unroll
      for (const auto& each : score_) largest = fmaxf(largest, fmaxf(each[2 * half], each[2 * half + 1]));
      largest_[half] = scale * most_of_four(largest);
      exceeded |= largest_[half] > most_[half] + slack;
    }
    return exceeded;
  }

  /// Raises what weights are relative to. Leaves for each row, in the first half of `told`, the factor for its sums.
  __device__ __forceinline__ void raise() {
    tell(largest_[0], largest_[1]);
    __syncthreads();
    float factor[2];
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const float* const told = shared_.told + first_row_ + 8 * half + g_;
      const float raised = fmaxf(most_[half], fmaxf(told[0], told[queries]));
      factor[half] = power_of_2(most_[half] - raised);
      most_[half] = raised;
      total_[half] *= factor[half];
    }
    __syncthreads();
    tell(factor[0], factor[1]);
    __syncthreads();
  }

  __device__ __forceinline__ void write_weights(float scale) {
    T* const to = shared_.weights + (first_row_ + g_) * row_stride(keys) + first_key_ + 2 * t_;
#pragma unroll
    for (int n = 0; n < count; ++n) {
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        const float low = power_of_2(fmaf(score_[n][2 * half], scale, -most_[half]));
        const float high = power_of_2(fmaf(score_[n][2 * half + 1], scale, -most_[half]));
        total_[half] += low + high;
        *reinterpret_cast<unsigned*>(to + 8 * half * row_stride(keys) + 8 * n) = word_of<T>(low, high);
      }
    }
  }

  /// Leaves the sums of a row's weights in both halves of `told`.
  __device__ __forceinline__ void tell_totals() { tell(sum_of_four(total_[0]), sum_of_four(total_[1])); }

 private:
  static constexpr int count = keys / halves / 8;

  __device__ __forceinline__ void tell(float upper, float lower) {
    if (t_ != 0) return;
    float* const told = shared_.told + half_ * queries + first_row_ + g_;
    told[0] = upper;
    told[8] = lower;
  }

  const Shared<T, keys>& shared_;
  const int warp_ = static_cast<int>(threadIdx.x) / 32, lane_ = static_cast<int>(threadIdx.x) % 32;
  const int g_ = lane_ / 4, t_ = lane_ % 4;
  const int half_ = warp_ % halves, first_row_ = warp_ / halves * 16, first_key_ = half_ * (keys / halves);
  float score_[count][4];
  float largest_[2], most_[2] = {-INFINITY, -INFINITY}, total_[2] = {};
};

/// A warp's sums of values: 32 queries by a quarter of the columns.
template <class T, int keys>
class Sums {
 public:
  __device__ __forceinline__ explicit Sums(const Shared<T, keys>& shared) : shared_(shared) {}

  /// By the factor of each row in `told`.
  __device__ __forceinline__ void scale() {
    each_row([&](int i, int lower, int row) { multiply(i, lower, shared_.told[row]); });
  }

  __device__ __forceinline__ void add() {
    const T* const weights = shared_.weights + first_row_ * row_stride(keys) + left_operand(row_stride(keys));
    const T* const v = shared_.v + first_column_ + left_operand(stride);
#pragma unroll
    for (int key = 0; key < keys; key += 16) {
      unsigned a[tiles][4];
#pragma unroll
      for (int i = 0; i < tiles; ++i) load_matrices(a[i], weights + 16 * i * row_stride(keys) + key);
#pragma unroll
      for (int n = 0; n < count; n += 2) {
        unsigned b[4];
        load_transposed(b, v + key * stride + 8 * n);
#pragma unroll
        for (int i = 0; i < tiles; ++i) {
          multiply_add<T>(sum_[i][n], a[i], b[0], b[1]);
          multiply_add<T>(sum_[i][n + 1], a[i], b[2], b[3]);
        }
      }
    }
  }

  /// Divided by the totals in `told`, in place of the queries.
  __device__ __forceinline__ void write() {
    each_row([&](int i, int lower, int row) {
      multiply(i, lower, __fdividef(1, shared_.told[row] + shared_.told[queries + row]));
      T* const to = shared_.q + row * stride + first_column_ + 2 * t_;
#pragma unroll
      for (int n = 0; n < count; ++n) {
        *reinterpret_cast<unsigned*>(to + 8 * n) = word_of<T>(sum_[i][n][2 * lower], sum_[i][n][2 * lower + 1]);
      }
    });
  }

 private:
  static constexpr int tiles = rows_of_sums / 16, count = columns_of_warp / 8;

  template <class Body>
  __device__ __forceinline__ void each_row(const Body& body) const {
#pragma unroll
    for (int i = 0; i < tiles; ++i) {
#pragma unroll
      for (int lower = 0; lower < 2; ++lower) body(i, lower, first_row_ + 16 * i + 8 * lower + g_);
    }
  }
  __device__ __forceinline__ void multiply(int i, int lower, float factor) {
#pragma unroll
    for (auto& each : sum_[i]) {
      each[2 * lower] *= factor;
      each[2 * lower + 1] *= factor;
    }
  }

  const Shared<T, keys>& shared_;
  const int warp_ = static_cast<int>(threadIdx.x) / 32, lane_ = static_cast<int>(threadIdx.x) % 32;
  const int g_ = lane_ / 4, t_ = lane_ % 4;
  const int first_row_ = warp_ / 4 * rows_of_sums, first_column_ = warp_ % 4 * columns_of_warp;
  float sum_[tiles][count][4] = {};
};

/// Grid: tiles of queries, heads, batch. A tile's values are copied while its scores are computed, the next tile's keys
/// while its sums are.
template <class T, int keys>
__global__ void __launch_bounds__(threads, 1) attend(const Heads<T> heads) {
  if constexpr (multiplies<T> && copies_beside) {  // before 8.0 shared memory is too small
    const Shared<T, keys> shared;
    const int first = static_cast<int>(blockIdx.x) * queries, head = static_cast<int>(blockIdx.y) * heads.head_dim;
    const std::int64_t first_key = static_cast<std::int64_t>(blockIdx.z) * heads.keys;
    const std::int64_t first_query = static_cast<std::int64_t>(blockIdx.z) * heads.queries + first;
    const auto copy = [&](T* to, const T* from, int from_stride, int key) {
      copy_rows<keys, head_dim, threads>(to, from + (first_key + key) * from_stride + head, from_stride,
                                         heads.keys - key, heads.head_dim);
    };
    copy_rows<queries, head_dim, threads>(shared.q, heads.q + first_query * heads.q_stride + head, heads.q_stride,
                                          heads.queries - first, heads.head_dim);
    copy(shared.k, heads.k, heads.k_stride, 0);
    end_copies();

    Scores<T, keys> scores(shared);
    Sums<T, keys> sums(shared);
    const int ever = heads.causal ? min(heads.keys, first + queries) : heads.keys;
    const int always = heads.causal ? min(heads.keys, first + 1) : heads.keys;
    for (int key = 0; key < ever; key += keys) {
      wait_for_copies<0>();
      __syncthreads();  // keys are there, and all have left the values before
      copy(shared.v, heads.v, heads.v_stride, key);
      end_copies();
      scores.multiply((heads.head_dim + 15) / 16);
      if (key + keys > always) scores.hide(heads.causal ? first + 1 - key : heads.keys, heads.keys - key);
      const bool exceeded = __syncthreads_or(scores.exceed(heads.scale));  // and all have left the keys
      if (key + keys < ever) copy(shared.k, heads.k, heads.k_stride, key + keys);
      end_copies();
      if (exceeded) {
        scores.raise();
        sums.scale();
      }
      scores.write_weights(heads.scale);
      wait_for_copies<1>();
      __syncthreads();  // values and weights are there
      sums.add();
    }
    scores.tell_totals();
    __syncthreads();
    sums.write();
    __syncthreads();
    const int width = heads.count * heads.head_dim;
    write_rows<queries, head_dim, threads>(heads.y + first_query * width + head, shared.q, width, heads.queries - first,
                                           heads.head_dim);
  }
}

template <class T, int keys>
void queue(const Device& device, const AttentionOp::Case& c, const AttentionOp::Args& args) {
  const dim3 grid(static_cast<unsigned>((c.queries + queries - 1) / queries), static_cast<unsigned>(c.heads),
                  static_cast<unsigned>(c.batch));
  launch(attend<T, keys>, grid, threads, shared_bytes(keys), device.stream(), Heads<T>(c, args));
}

template <class T>
void queue(const Device& device, int keys, const AttentionOp::Case& c, const AttentionOp::Args& args) {
  keys == 64 ? queue<T, 64>(device, c, args) : queue<T, 32>(device, c, args);
}

}  // namespace
}  // namespace sumi::cuda::flash::wide

namespace sumi::cuda {

void run_flash_wide(const Device& device, int keys_of_tile, const AttentionOp::Case& c, const AttentionOp::Args& args) {
  c.x == DType::f16 ? flash::wide::queue<__half>(device, keys_of_tile, c, args)
                    : flash::wide::queue<__nv_bfloat16>(device, keys_of_tile, c, args);
}

}  // namespace sumi::cuda
