#include "backend/cuda/kernels.h"
#include "backend/cuda/launch.h"
#include "backend/cuda/reduce.cuh"
#include "backend/cuda/values.cuh"

namespace sumi::cuda {
namespace {

/// A block has eight rows of y, a warp each, and finds their tokens itself: reading 4096 places from the cache costs
/// less than a kernel that sorts them. Each warp lists those of its part of a window in their order, so that sums have
/// one order.
constexpr int rows = 8, threads = rows * warp, part = 512, window = rows * part;

struct Lists {
  std::int32_t token[rows][part];
  std::uint8_t row[rows][part];
  int count[rows];
};

/// The tokens of the window from `first` whose place is one of the block's.
__device__ void list_tokens(const std::int32_t* place, int tokens, int first, int first_row, Lists& lists) {
  const int own = threadIdx.x / warp, lane = threadIdx.x % warp;
  int count = 0;
#pragma unroll 4
  for (int i = lane; i < part; i += warp) {
    const int token = first + own * part + i;
    const int row = token < tokens ? place[token] - first_row : -1;
    const bool here = row >= 0 && row < rows;
    const unsigned found = __ballot_sync(0xffffffffu, here);
    if (here) {
      const int at = count + __popc(found & ((1u << lane) - 1));
      lists.token[own][at] = token;
      lists.row[own][at] = static_cast<std::uint8_t>(row);
    }
    count += __popc(found);
  }
  if (lane == 0) lists.count[own] = count;
}

template <class T, int N>
__global__ void __launch_bounds__(threads) merge(const T* __restrict__ x, const std::int32_t* __restrict__ place,
                                                 T* __restrict__ y, int tokens, int length, int packs) {
  __shared__ Lists lists;
  const int first_row = blockIdx.x * rows, own = threadIdx.x / warp, lane = threadIdx.x % warp;
  const std::int64_t picture = blockIdx.y;
  x += picture * tokens * packs * N;
  place += picture * tokens;
  y += (picture * length + first_row + own) * packs * N;
  for (int set = 0; set < packs; set += warp) {
    const int pack = set + lane;
    float sums[N] = {};
    int count = 0;
    const auto add = [&](int token) {
      float values[N] = {};
      if (pack < packs) load(x + (static_cast<std::int64_t>(token) * packs + pack) * N, values);
#pragma unroll
      for (int i = 0; i < N; ++i) sums[i] += values[i];
      ++count;
    };
    for (int first = 0; first < tokens; first += window) {
      if (set == 0 || tokens > window) {
        __syncthreads();
        list_tokens(place, tokens, first, first_row, lists);
        __syncthreads();
      }
      for (int list = 0; list < rows; ++list) {
        for (int i = 0; i < lists.count[list]; ++i) {
          if (lists.row[list][i] == own) add(lists.token[list][i]);
        }
      }
    }
    if (pack >= packs || first_row + own >= length) continue;
#pragma unroll
    for (int i = 0; i < N; ++i) sums[i] /= static_cast<float>(count);
    store(sums, y + pack * N);
  }
}

}  // namespace

void run(const Device& device, const MergeTokensOp::Case& c, const MergeTokensOp::Args& args) {
  with_type(c.x, [&]<class T>(TypeTag<T>) {
    const auto* x = elements<T>(args.x);
    auto* y = elements<T>(args.y);
    with_width<widest<T>>(fits<widest<T>>(c.channels, x, y), [&]<int N>(Width<N>) {
      const dim3 grid(static_cast<unsigned>((c.length + rows - 1) / rows), static_cast<unsigned>(c.batch));
      launch(merge<T, N>, grid, threads, 0, device.stream(), x, elements<std::int32_t>(args.place), y, c.tokens,
             c.length, c.channels / N);
    });
  });
}

}  // namespace sumi::cuda
