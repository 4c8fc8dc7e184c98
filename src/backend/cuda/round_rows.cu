#include "backend/cuda/e4m3.h"
#include "backend/cuda/fp8.h"
#include "backend/cuda/launch.h"
#include "backend/cuda/reduce.cuh"
#include "backend/cuda/values.cuh"

namespace sumi::cuda {
namespace {

constexpr int most_threads = 256;

/// A block a row, which it reads twice: the second time from a cache. Magnitudes are compared as whole numbers, in
/// which those that are not finite come last.
template <class X, int N>
__global__ void __launch_bounds__(most_threads)
    round_rows(const X* __restrict__ x, f8_e4m3* __restrict__ values, float* __restrict__ steps, int packs) {
  __shared__ unsigned parts[warp];
  const std::int64_t first = static_cast<std::int64_t>(blockIdx.x) * packs;
  unsigned most = 0;
  for (int pack = threadIdx.x; pack < packs; pack += blockDim.x) {
    float own[N];
    load(x + (first + pack) * N, own);
#pragma unroll
    for (const float value : own) most = max(most, std::bit_cast<unsigned>(value) & 0x7fffffffu);
  }
  most = block_max(most, parts);

  constexpr unsigned infinity = 0x7f800000u;
  const float largest = std::bit_cast<float>(most);
  const bool rounds = most < infinity && largest >= least_rounded_magnitude;
  const float scale = rounds ? 448 / largest : 0;
  if (threadIdx.x == 0) {
    steps[blockIdx.x] = rounds ? largest / 448 : std::bit_cast<float>(most < infinity ? 0u : 0x7fffffffu);
  }
  for (int pack = threadIdx.x; pack < packs; pack += blockDim.x) {
    float own[N];
    load(x + (first + pack) * N, own);
    Pack<f8_e4m3, N> rounded;
#pragma unroll
    for (int i = 0; i < N; ++i) rounded.values[i] = rounds ? to_e4m3(own[i] * scale) : f8_e4m3{0};
    *reinterpret_cast<Pack<f8_e4m3, N>*>(values + (first + pack) * N) = rounded;
  }
}

}  // namespace

void round_rows(const Device& device, const Tensor& x, std::byte* memory) {
  const std::int64_t rows = x.rows(), columns = x.shape()[-1];
  auto* values = reinterpret_cast<f8_e4m3*>(memory);
  auto* steps = reinterpret_cast<float*>(memory + fp8_value_bytes(rows, columns));
  with_type(x.dtype(), [&]<class X>(TypeTag<X>) {
    const auto* from = elements<const X>(x);
    with_width<8>(fits<8>(columns, from, values), [&]<int N>(Width<N>) {
      const std::int64_t packs = columns / N;
      const auto threads =
          static_cast<unsigned>(std::min<std::int64_t>((packs + warp - 1) / warp * warp, most_threads));
      launch(round_rows<X, N>, {static_cast<unsigned>(rows)}, {threads}, 0, device.stream(), from, values, steps,
             static_cast<int>(packs));
    });
  });
}

}  // namespace sumi::cuda
