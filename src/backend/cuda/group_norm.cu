#include "backend/cuda/group_norm_tiling.h"
#include "backend/cuda/kernels.h"
#include "backend/cuda/launch.h"
#include "backend/cuda/reduce.cuh"
#include "backend/cuda/values.cuh"

// Where shared memory holds all pixels of a few groups, one kernel reads x once. Else `measure` takes the moments of
// chunks of pixels, and `normalize`, whose blocks have the same chunks, puts them together and reads x again, from its
// end: that part is still in the cache. Sums are of differences from some value of the same group: the squares of
// values far from zero would drown in rounding.

namespace sumi::cuda {
namespace {

constexpr int threads = Tiling::threads;

/// What a thread has of its block's part: every `across`th pack of N channels, every `down`th pixel.
struct Share {
  int first_group, groups, packs, pixels;  ///< of the block
  int column, row;
  std::int64_t start;  ///< of the block's part, in elements

  __device__ Share(const Tiling& t, int N)
      : first_group(blockIdx.y * t.slab),
        groups(min(t.slab, t.groups - first_group)),
        packs(groups * t.size / N),
        pixels(min(t.chunk, t.pixels - static_cast<int>(blockIdx.x) * t.chunk)),
        column(threadIdx.x % t.across),
        row(threadIdx.x / t.across),
        start((static_cast<std::int64_t>(blockIdx.z) * t.pixels + blockIdx.x * t.chunk) * t.channels +
              first_group * t.size) {
    if (row >= t.down) column = packs;
  }
};

/// Calls body(pack, pixel) for the thread's pixels, `step` elements apart, from the first to the last. Four loads are
/// under way at a time: a loop that may end after each would wait for each.
template <class T, int N, class Body>
__device__ __forceinline__ void for_each_pixel(const T* from, std::int64_t step, const Tiling& t, const Share& s,
                                               Body body) {
  constexpr int depth = 4;
  for (int first = s.row; first < s.pixels; first += depth * t.down) {
    Pack<T, N> packs[depth];
#pragma unroll
    for (int i = 0; i < depth; ++i) {
      const int pixel = first + i * t.down;
      if (pixel < s.pixels) packs[i] = pack_at<N>(from + pixel * step, 0);
    }
#pragma unroll
    for (int i = 0; i < depth; ++i) {
      const int pixel = first + i * t.down;
      if (pixel < s.pixels) body(packs[i], pixel);
    }
  }
}

/// Calls body(i, group) for the N channels from `channel` on.
template <int N, class Body>
__device__ __forceinline__ void for_each_channel(int channel, int size, Body body) {
  int group = channel / size, inside = channel - group * size;
#pragma unroll
  for (int i = 0; i < N; ++i) {
    body(i, group);
    if (++inside == size) inside = 0, ++group;
  }
}

/// Of differences from `origin`, and of their squares.
struct Sums {
  float plain = 0, squares = 0;

  __device__ void operator+=(const Sums& more) {
    plain += more.plain;
    squares += more.squares;
  }
};

/// Of each channel that a thread has.
template <class T, int N>
struct ChannelSums {
  float origin[N];  ///< the first value of the channel's group
  Sums sums[N];

  __device__ void begin(const T* x, int channel, int size) {
    for_each_channel<N>(channel, size, [&](int i, int group) { origin[i] = to_float(x[group * size]); });
  }
  __device__ void add(const Pack<T, N>& x) {
    float values[N];
    to_float(x, values);
#pragma unroll
    for (int i = 0; i < N; ++i) {
      const float apart = values[i] - origin[i];
      sums[i] += {apart, apart * apart};
    }
  }
};

/// Adds up what the threads have; calls body(group, sums) for each group of the block, in one lane of a warp. `cells`:
/// N for each thread.
template <class T, int N, class Body>
__device__ void for_each_group(const ChannelSums<T, N>& own, const Tiling& t, const Share& s, Sums* cells, Body body) {
  const int plane = t.across * t.down;  // a plane for each of the N: neighbours write side by side
  if (s.row < t.down) {
#pragma unroll
    for (int i = 0; i < N; ++i) cells[i * plane + threadIdx.x] = own.sums[i];
  }
  __syncthreads();
  // Pixels first. As many rows of them remain as leave each thread something to do.
  const int rows = max(1, min(t.down, threads / (N * t.across))), remaining = rows * t.across;
  for (int cell = threadIdx.x; cell < N * remaining; cell += blockDim.x) {
    Sums* column = cells + cell / remaining * plane;
    const int first = cell % remaining;
    Sums total = column[first];
    for (int at = first + remaining; at < plane; at += remaining) total += column[at];
    column[first] = total;
  }
  __syncthreads();
  // A group that is wider than the block was added up by its threads as they went round.
  const int width = min(t.size, t.across * N), lane = threadIdx.x % warp;
  for (int group = threadIdx.x / warp; group < s.groups; group += blockDim.x / warp) {
    Sums total;
    for (int i = lane; i < rows * width; i += warp) {
      const int channel = group * t.size + i % width;
      total += cells[channel % N * plane + i / width * t.across + channel / N];
    }
    total = {warp_sum(total.plain), warp_sum(total.squares)};
    if (lane == 0) body(group, total);
  }
}

/// Of one group in some pixels: the mean, and the sum of (x - mean)^2.
struct Moments {
  float mean, squares;

  __device__ Moments(const Sums& sums, float origin, float count)
      : mean(origin + sums.plain / count), squares(max(sums.squares - sums.plain * sums.plain / count, 0.0f)) {}
};

template <class T, int N>
__global__ void __launch_bounds__(threads, 2)
    measure(const T* __restrict__ x, Moments* __restrict__ moments, Tiling t) {
  const Share s(t, N);
  const T* from = x + s.start;
  ChannelSums<T, N> sums;
  for (int pack = s.column; pack < s.packs; pack += t.across) {
    sums.begin(from, pack * N, t.size);
    for_each_pixel<T, N>(from + pack * N, t.channels, t, s, [&](const Pack<T, N>& values, int) { sums.add(values); });
  }
  for_each_group(sums, t, s, dynamic_shared<Sums>(), [&](int group, const Sums& total) {
    const int row = blockIdx.z * t.groups + s.first_group + group;
    moments[row * t.chunks + blockIdx.x] =
        Moments(total, to_float(from[group * t.size]), static_cast<float>(s.pixels) * t.size);
  });
}

static_assert(sizeof(Sums) == moments_bytes && sizeof(Moments) == moments_bytes);

/// x becomes (x - mean) * inverse.
struct Norm {
  float mean, inverse;
};

struct Affine {
  const float *scale, *shift;
  float epsilon;
  Activation activation;
};

__device__ float inverse_deviation(float squares, const Tiling& t, float epsilon) {
  return 1 / sqrtf(squares / (static_cast<float>(t.pixels) * t.size) + epsilon);
}

/// Of a group in all chunks, by a warp. Means are taken relative to the first chunk's.
__device__ Norm combined(const Moments* parts, const Tiling& t, float epsilon) {
  const int lane = threadIdx.x % warp;
  const auto pixels = [&](int chunk) { return static_cast<float>(min(t.chunk, t.pixels - chunk * t.chunk)); };
  const float origin = parts[0].mean;
  float sum = 0, squares = 0;
  for (int chunk = lane; chunk < t.chunks; chunk += warp) sum += pixels(chunk) * (parts[chunk].mean - origin);
  const float shift = warp_sum(sum) / static_cast<float>(t.pixels);
  for (int chunk = lane; chunk < t.chunks; chunk += warp) {
    const float apart = parts[chunk].mean - origin - shift;
    squares += parts[chunk].squares + pixels(chunk) * t.size * apart * apart;
  }
  return {origin + shift, inverse_deviation(warp_sum(squares), t, epsilon)};
}

/// y = act(x * factor + offset) for some channels.
template <class T, int N>
struct Line {
  float factor[N], offset[N];

  __device__ Line(const Affine& affine, const Norm* norms, const Tiling& t, const Share& s, int pack) {
    load(affine.scale + s.first_group * t.size + pack * N, factor);
    load(affine.shift + s.first_group * t.size + pack * N, offset);
    for_each_channel<N>(pack * N, t.size, [&](int i, int group) {
      factor[i] *= norms[group].inverse;
      offset[i] -= norms[group].mean * factor[i];
    });
  }
  __device__ void apply(Activation activation, const Pack<T, N>& x, T* y) const {
    float values[N];
    to_float(x, values);
#pragma unroll
    for (int i = 0; i < N; ++i) values[i] = activated(activation, values[i] * factor[i] + offset[i]);
    store(values, y);
  }
};

template <class T, int N>
__global__ void __launch_bounds__(threads, 2) normalize(const T* __restrict__ x, const Moments* __restrict__ moments,
                                                        Affine affine, T* __restrict__ y, Tiling t) {
  const Share s(t, N);
  Norm* norms = dynamic_shared<Norm>();
  for (int group = threadIdx.x / warp; group < s.groups; group += blockDim.x / warp) {
    const int row = blockIdx.z * t.groups + s.first_group + group;
    const Norm norm = combined(moments + row * t.chunks, t, affine.epsilon);
    if (threadIdx.x % warp == 0) norms[group] = norm;
  }
  __syncthreads();
  for (int pack = s.column; pack < s.packs; pack += t.across) {
    const Line<T, N> line(affine, norms, t, s, pack);
    const std::int64_t last = s.start + static_cast<std::int64_t>(s.pixels - 1) * t.channels + pack * N;
    with_activation(affine.activation, [&](auto activation) {
      for_each_pixel<T, N>(x + last, -t.channels, t, s, [&](const Pack<T, N>& values, int pixel) {
        line.apply(activation, values, y + last - static_cast<std::int64_t>(pixel) * t.channels);
      });
    });
  }
}

template <class T, int N>
__global__ void __launch_bounds__(threads, 2)
    normalize_held(const T* __restrict__ x, Affine affine, T* __restrict__ y, Tiling t) {
  const Share s(t, N);
  const bool works = s.column < s.packs;
  const std::int64_t start = s.start + s.column * N;
  const int plane = t.across * t.down;
  Sums* cells = dynamic_shared<Sums>();
  Pack<T, N>* held = reinterpret_cast<Pack<T, N>*>(cells + N * plane) + threadIdx.x;
  ChannelSums<T, N> sums;
  if (works) {
    sums.begin(x + s.start, s.column * N, t.size);
    Pack<T, N>* next = held;
    for_each_pixel<T, N>(x + start, t.channels, t, s, [&](const Pack<T, N>& values, int) {
      sums.add(values);
      *next = values;
      next += plane;
    });
  }

  __shared__ Norm norms[threads];
  for_each_group(sums, t, s, cells, [&](int group, const Sums& total) {
    const Moments m(total, to_float(x[s.start + group * t.size]), static_cast<float>(s.pixels) * t.size);
    norms[group] = {m.mean, inverse_deviation(m.squares, t, affine.epsilon)};
  });
  __syncthreads();
  if (!works) return;
  const Line<T, N> line(affine, norms, t, s, s.column);
  with_activation(affine.activation, [&](auto activation) {
    for (int pixel = s.row; pixel < s.pixels; pixel += t.down, held += plane) {
      line.apply(activation, *held, y + start + static_cast<std::int64_t>(pixel) * t.channels);
    }
  });
}

template <class T, int N>
void run(const Device& device, const GroupNormOp::Case& c, const T* x, const Affine& affine, T* y, Moments* moments) {
  const auto grid = [&](const Tiling& t) {
    return dim3(static_cast<unsigned>(t.chunks), static_cast<unsigned>(t.slabs()), static_cast<unsigned>(c.batch));
  };
  if (const Tiling t = held_tiling(c, N); const int bytes = held_bytes(device, c, t, N)) {
    launch(normalize_held<T, N>, grid(t), t.block(), bytes, device.stream(), x, affine, y, t);
    return;
  }
  const Tiling t = chunked_tiling(device, c, N);
  launch(measure<T, N>, grid(t), t.block(), sums_bytes(t, N), device.stream(), x, moments, t);
  launch(normalize<T, N>, grid(t), t.block(), t.slab * sizeof(Norm), device.stream(), x, moments, affine, y, t);
}

}  // namespace

std::size_t scratch_bytes(const Device& device, const GroupNormOp::Case& c) {
  if (c.batch * c.pixels == 0) return 0;
  return static_cast<std::size_t>(c.batch * c.groups * chunks_of(device, c)) * moments_bytes;
}

void run(const Device& device, const GroupNormOp::Case& c, const GroupNormOp::Args& args, std::byte* scratch) {
  if (c.batch * c.pixels == 0) return;
  check(c.pixels < 1 << 30 && c.channels < 1 << 20 && c.batch < 1 << 16, ErrorCode::unsupported,
        "cuda: group_norm of {} is too large for a kernel", c.text());
  const Affine affine{elements<float>(args.scale), elements<float>(args.shift), static_cast<float>(c.epsilon),
                      c.activation};
  with_type(c.x, [&]<class T>(TypeTag<T>) {
    const auto* x = elements<T>(args.x);
    auto* y = elements<T>(args.y);
    constexpr int wide = widest<T>;
    with_width<wide>(fits<wide>(c.channels, x, y, affine.scale, affine.shift) && reaches(c, wide),
                     [&]<int N>(Width<N>) { run<T, N>(device, c, x, affine, y, reinterpret_cast<Moments*>(scratch)); });
  });
}

}  // namespace sumi::cuda
