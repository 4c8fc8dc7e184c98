#include "backend/cuda/kernels.h"
#include "backend/cuda/launch.h"
#include "backend/cuda/match_tokens_mma.cuh"
#include "backend/cuda/match_tokens_plain.cuh"
#include "backend/cuda/reduce.cuh"

namespace sumi::cuda {
namespace {

constexpr int threads = 256, warps = threads / warp;

/// The first of the rising destinations that is not before `token`.
__device__ int lower_bound(const std::int32_t* destinations, int count, int token) {
  int first = 0;
  while (count > 0) {
    const int half = count / 2;
    if (destinations[first + half] < token) {
      first += half + 1;
      count -= half + 1;
    } else {
      count = half;
    }
  }
  return first;
}

/// A warp a token: its length, its number among sources or destinations, the places of destinations.
template <class T, int N>
__global__ void prepare(const T* __restrict__ x, const std::int32_t* __restrict__ destinations, Tables tables,
                        std::int32_t* __restrict__ place, Extent e) {
  const int token = blockIdx.x * warps + threadIdx.x / warp, n = blockIdx.y, lane = threadIdx.x % warp;
  if (token >= e.tokens) return;
  const std::int64_t at = static_cast<std::int64_t>(n) * e.tokens + token;
  float squares = 0;
  for (int channel = lane * N; channel < e.channels; channel += warp * N) {
    float values[N];
    load(x + at * e.channels + channel, values);
#pragma unroll
    for (const float value : values) squares += value * value;
  }
  squares = warp_sum(squares);
  if (lane != 0) return;
  tables.inverse[at] = squares > 0 ? 1 / sqrtf(squares) : 0;
  const int before = lower_bound(destinations, e.destinations, token);
  if (before < e.destinations && destinations[before] == token) {
    place[at] = e.sources - e.merged + before;
  } else {
    tables.source[token - before] = token;
    tables.match[static_cast<std::int64_t>(n) * e.sources + token - before] = key_of(-INFINITY, 0);
  }
}

/// How many i of 0..count-1 fulfil it, by a warp.
template <class Condition>
__device__ int count_if(int count, Condition condition) {
  int found = 0;
  for (int i = threadIdx.x % warp; i < count; i += warp) found += condition(i);
  return warp_sum(found);
}

/// A warp a source.
__global__ void rank_sources(Tables tables, Extent e) {
  const int source = blockIdx.x * warps + threadIdx.x / warp;
  if (source >= e.sources) return;
  const std::int64_t picture = static_cast<std::int64_t>(blockIdx.y) * e.sources;
  const Key* match = tables.match + picture;
  const std::uint32_t own = cosine_of(match[source]);
  const int before = count_if(e.sources, [&](int i) {
    const std::uint32_t cosine = cosine_of(match[i]);
    return cosine > own || (cosine == own && i < source);
  });
  if (threadIdx.x % warp == 0) tables.rank[picture + source] = before;
}

/// A warp a source: those that merge are where their match is, the others follow one another.
__global__ void place_sources(Tables tables, std::int32_t* __restrict__ place, Extent e) {
  const int source = blockIdx.x * warps + threadIdx.x / warp;
  if (source >= e.sources) return;
  const std::int64_t picture = static_cast<std::int64_t>(blockIdx.y) * e.sources;
  const int* rank = tables.rank + picture;
  const int staying_before = count_if(source, [&](int i) { return rank[i] >= e.merged; });
  if (threadIdx.x % warp != 0) return;
  place[static_cast<std::int64_t>(blockIdx.y) * e.tokens + tables.source[source]] =
      rank[source] < e.merged ? e.sources - e.merged + destination_of(tables.match[picture + source]) : staying_before;
}

/// Of the tables, the largest elements first.
Tables tables_in(const MatchTokensOp::Case& c, std::byte* scratch) {
  Tables tables;
  tables.match = reinterpret_cast<Key*>(scratch);
  tables.rank = reinterpret_cast<int*>(tables.match + c.batch * c.sources());
  tables.source = tables.rank + c.batch * c.sources();
  tables.inverse = reinterpret_cast<float*>(tables.source + c.sources());
  return tables;
}

dim3 grid(std::int64_t x, int per_block, std::int64_t y, std::int64_t z = 1) {
  return {static_cast<unsigned>((x + per_block - 1) / per_block), static_cast<unsigned>(y), static_cast<unsigned>(z)};
}

}  // namespace

std::size_t scratch_bytes(const Device&, const MatchTokensOp::Case& c) {
  const std::int64_t sources = c.batch * c.sources(), tokens = c.batch * c.tokens;
  return static_cast<std::size_t>(sources * (sizeof(Key) + sizeof(int)) + c.sources() * sizeof(int) +
                                  tokens * sizeof(float));
}

void run(const Device& device, const MatchTokensOp::Case& c, const MatchTokensOp::Args& args, std::byte* scratch) {
  const Extent e{static_cast<int>(c.tokens), static_cast<int>(c.channels), static_cast<int>(c.destinations),
                 static_cast<int>(c.sources()), static_cast<int>(c.merged)};
  const Tables tables = tables_in(c, scratch);
  const auto* destinations = elements<std::int32_t>(args.destinations);
  auto* place = elements<std::int32_t>(args.y);
  with_type(c.x, [&]<class T>(TypeTag<T>) {
    const auto* x = elements<T>(args.x);
    const auto products = [&](auto* kernel, int tile, int threads_of_block, std::size_t shared) {
      const std::int64_t tiles = (c.destinations + tile - 1) / tile;
      launch(kernel, grid(c.sources(), tile, tiles, c.batch), threads_of_block, shared, device.stream(), x,
             destinations, tables, e);
    };
    with_width<widest<T>>(fits<widest<T>>(c.channels, x), [&]<int N>(Width<N>) {
      launch(prepare<T, N>, grid(c.tokens, warps, c.batch), threads, 0, device.stream(), x, destinations, tables, place,
             e);
      if constexpr (sizeof(T) * N == 16 && sizeof(T) == 2) {
        if (std::is_same_v<T, __half> || device.multiplies_bf16()) {
          return products(mma::match<T>, mma::tile, mma::threads, mma::stages * sizeof(mma::Stage<T>));
        }
      }
      products(plain::match<T, N>, plain::tile, plain::threads, 0);
    });
  });
  const dim3 sources = grid(c.sources(), warps, c.batch);
  launch(rank_sources, sources, threads, 0, device.stream(), tables, e);
  launch(place_sources, sources, threads, 0, device.stream(), tables, place, e);
}

}  // namespace sumi::cuda
