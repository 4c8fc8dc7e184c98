#include "backend/cuda/attention_heads.cuh"
#include "backend/cuda/kernels.h"
#include "backend/cuda/launch.h"

// Attention in float32 for any head dim, with softmax that is mended as keys come (Milakov and Gimelshein, 2018).
namespace sumi::cuda {
namespace {

// Eight groups of 16 lanes. A group has `rows` queries, and a lane of it every 16th key of a tile and every 16th column
// of y. Factors come through shared memory in slices of 16: of the head dim for scores, of keys for sums. With eight
// rows a group, 16 of 20 instructions multiply, and shared memory gives its factors in two thirds of their time.
constexpr int lanes = 16, groups = 8, threads = lanes * groups;
constexpr int keys_of_tile = 64, keys_of_lane = keys_of_tile / lanes;
constexpr int slice = 16;

// Rows an odd number of 16 bytes apart, so that eight lanes read theirs in one go.
constexpr int slice_stride = slice + 4, weights_stride = keys_of_tile + 4;

/// `count` rows of 16 * columns as floats, `to_stride` apart in shared memory; zeros beyond what is valid. `from` and
/// `to` are where the thread's group and lane begin.
template <int count, int columns, class T>
__device__ __forceinline__ void load(float* to, int to_stride, const T* from, int from_stride, int valid_rows,
                                     int valid_columns) {
#pragma unroll
  for (int row = 0; row < count; row += groups) {
#pragma unroll 10
    for (int column = 0; column < lanes * columns; column += lanes) {
      to[column] = row < valid_rows && column < valid_columns ? to_float(from[column]) : 0;
    }
    to += groups * to_stride;
    from += static_cast<std::int64_t>(groups) * from_stride;
  }
}

__device__ __forceinline__ float4 four(const float* from) { return *reinterpret_cast<const float4*>(from); }

/// What a lane holds of its group's queries while keys pass by.
template <int rows, int columns>
struct Sums {
  float sum[rows][columns] = {};
  float most[rows], total[rows] = {};

  __device__ __forceinline__ Sums() {
#pragma unroll
    for (float& each : most) each = -INFINITY;
  }
};

template <int rows>
using Scores = float[rows][keys_of_lane];

template <int rows>
__device__ __forceinline__ void add_products(Scores<rows>& scores, const float* q, const float* k) {
#pragma unroll
  for (int d = 0; d < slice; d += 4) {
    float4 key[keys_of_lane];
#pragma unroll
    for (int j = 0; j < keys_of_lane; ++j) key[j] = four(k + lanes * j * slice_stride + d);
#pragma unroll
    for (int r = 0; r < rows; ++r) {
      const float4 query = four(q + groups * r * slice_stride + d);
#pragma unroll
      for (int j = 0; j < keys_of_lane; ++j) {
        scores[r][j] += query.x * key[j].x;
        scores[r][j] += query.y * key[j].y;
        scores[r][j] += query.z * key[j].z;
        scores[r][j] += query.w * key[j].w;
      }
    }
  }
}

template <int rows, int columns>
__device__ __forceinline__ void add_values(Sums<rows, columns>& sums, const float* weights, const float* v) {
#pragma unroll
  for (int key = 0; key < slice; key += 4) {
    float4 weight[rows];
#pragma unroll
    for (int r = 0; r < rows; ++r) weight[r] = four(weights + groups * r * weights_stride + key);
#pragma unroll
    for (int j = 0; j < columns; ++j) {
      const float* const value = v + key * lanes * columns + lanes * j;
      const float x = value[0], y = value[lanes * columns], z = value[2 * lanes * columns],
                  w = value[3 * lanes * columns];
#pragma unroll
      for (int r = 0; r < rows; ++r) {
        sums.sum[r][j] += weight[r].x * x;
        sums.sum[r][j] += weight[r].y * y;
        sums.sum[r][j] += weight[r].z * z;
        sums.sum[r][j] += weight[r].w * w;
      }
    }
  }
}

template <class Fold>
__device__ __forceinline__ float of_group(float x, Fold fold) {
#pragma unroll
  for (int bits = 1; bits < lanes; bits *= 2) x = fold(x, __shfl_xor_sync(~0u, x, bits));
  return x;
}

/// Scores to weights, which the group's lanes share. Row r sees keys below `seen` + groups * r and below `limit`.
template <int rows, int columns>
__device__ __forceinline__ void soften(Sums<rows, columns>& sums, Scores<rows>& scores, float* weights, float scale,
                                       int seen, int limit) {
  const int lane = static_cast<int>(threadIdx.x) % lanes;
#pragma unroll
  for (int r = 0; r < rows; ++r) {
    float largest = sums.most[r];
#pragma unroll
    for (int j = 0; j < keys_of_lane; ++j) {
      const int key = lanes * j + lane;
      scores[r][j] = key < limit && key < seen + groups * r ? scores[r][j] * scale : -INFINITY;
      largest = fmaxf(largest, scores[r][j]);
    }
    largest = of_group(largest, [](float a, float b) { return fmaxf(a, b); });
    const float factor = exp2f(sums.most[r] - largest);
    sums.most[r] = largest;
    sums.total[r] *= factor;
#pragma unroll
    for (int j = 0; j < columns; ++j) sums.sum[r][j] *= factor;
#pragma unroll
    for (int j = 0; j < keys_of_lane; ++j) {
      const float weight = exp2f(scores[r][j] - largest);
      sums.total[r] += weight;
      weights[groups * r * weights_stride + lanes * j + lane] = weight;
    }
  }
  __syncwarp();
}

/// Grid: tiles of queries, heads, batch times parts of y's columns, each of `columns` * 16.
template <class T, int rows, int columns>
__global__ void __launch_bounds__(threads, rows* columns < 80 ? 3 : 2) attend(const Heads<T> heads, int parts) {
  constexpr int queries = rows * groups, width = lanes * columns;
  constexpr int factors = (queries + keys_of_tile) * slice_stride, values = slice * width;
  __shared__ __align__(16) float shared[factors > values ? factors : values];
  __shared__ __align__(16) float weights[queries * weights_stride];
  const int lane = static_cast<int>(threadIdx.x) % lanes, group = static_cast<int>(threadIdx.x) / lanes;
  const int first = static_cast<int>(blockIdx.x) * queries, head = static_cast<int>(blockIdx.y) * heads.head_dim;
  const int n = static_cast<int>(blockIdx.z) / parts, part = static_cast<int>(blockIdx.z) % parts * width;
  const auto at = [&](const T* x, int stride, int length, int token) {
    return x + (static_cast<std::int64_t>(n) * length + token + group) * stride + head + lane;
  };
  float* const k_slice = shared + queries * slice_stride;
  float* const own_weights = weights + group * weights_stride;
  Sums<rows, columns> sums;

  const int ever = heads.causal ? min(heads.keys, first + queries) : heads.keys;
  for (int key = 0; key < ever; key += keys_of_tile) {
    const int own = group * slice_stride + lane;
    const T* const q = at(heads.q, heads.q_stride, heads.queries, first);
    const T* const k = at(heads.k, heads.k_stride, heads.keys, key);
    Scores<rows> scores = {};
    for (int d = 0; d < heads.head_dim; d += slice) {
      const int valid = heads.head_dim - d - lane;
      __syncthreads();
      load<queries, 1>(shared + own, slice_stride, q + d, heads.q_stride, heads.queries - first - group, valid);
      load<keys_of_tile, 1>(k_slice + own, slice_stride, k + d, heads.k_stride, heads.keys - key - group, valid);
      __syncthreads();
      add_products<rows>(scores, shared + group * slice_stride, k_slice + lane * slice_stride);
    }
    soften(sums, scores, own_weights, heads.scale, heads.causal ? first + group + 1 - key : heads.keys,
           heads.keys - key);
    for (int begin = 0; begin < min(keys_of_tile, ever - key); begin += slice) {
      __syncthreads();
      load<slice, columns>(shared + group * width + lane, width,
                           at(heads.v, heads.v_stride, heads.keys, key + begin) + part, heads.v_stride,
                           heads.keys - key - begin - group, heads.head_dim - part - lane);
      __syncthreads();
      add_values(sums, own_weights + begin, shared + lane);
    }
  }

#pragma unroll
  for (int r = 0; r < rows; ++r) {
    const float inverse = 1 / of_group(sums.total[r], [](float a, float b) { return a + b; });
    const int query = first + groups * r + group;
#pragma unroll
    for (int j = 0; j < columns; ++j) {
      const int column = part + lanes * j + lane;
      if (query < heads.queries && column < heads.head_dim) {
        heads.y[(static_cast<std::int64_t>(n) * heads.queries + query) * heads.count * heads.head_dim + head + column] =
            rounded<T>(sums.sum[r][j] * inverse);
      }
    }
  }
}

template <class T, int rows, int columns>
void queue(const Device& device, const AttentionOp::Case& c, const AttentionOp::Args& args) {
  constexpr int queries = rows * groups, width = columns * lanes;
  const auto blocks = [](std::int64_t count, int each) { return static_cast<unsigned>((count + each - 1) / each); };
  const unsigned parts = blocks(c.head_dim, width);
  launch(attend<T, rows, columns>,
         dim3(blocks(c.queries, queries), static_cast<unsigned>(c.heads), static_cast<unsigned>(c.batch) * parts),
         threads, 0, device.stream(), Heads<T>(c, args), parts);
}

}  // namespace

void run(const Device& device, const AttentionOp::Case& c, const AttentionOp::Args& args) {
  with_type(c.x, [&]<class T>(TypeTag<T>) {
    if (c.head_dim <= 48) return queue<T, 8, 3>(device, c, args);
    if (c.head_dim <= 64) return queue<T, 8, 4>(device, c, args);
    if (c.head_dim <= 80) return queue<T, 8, 5>(device, c, args);
    if (c.head_dim <= 160) return queue<T, 8, 10>(device, c, args);
    queue<T, 4, 32>(device, c, args);
  });
}

}  // namespace sumi::cuda
