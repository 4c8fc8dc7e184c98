#pragma once

#include <cstddef>
#include <cstdint>

#include "backend/cpu/conv2d_winograd.h"
#include "backend/cpu/product_tile.h"
#include "backend/cpu/simd_math.h"

// Winograd's convolution F(4 x 4, 3 x 3) over the vector layer V of one instruction set; T is float, or std::uint16_t
// for bf16 in memory. Arithmetic is float32.
//
// Transform (Winograd, 1980; Lavin and Gray, 2016). Four results of three taps g on six inputs d are the coefficients
// of a product of polynomials, transposed: with M(x) the product of x - p over the points p, and infinity as sixth,
//   B'd: for each point the coefficients of M(x) / (x - p); for infinity those of M(x)
//   Gg:  g0 + p g1 + p^2 g2; for infinity g2
//   A'm: y_i = sum over the points of m_p p^i / N_p, with N_p the product of p - q over the other points; m_inf to y_3
// and in two dimensions y = A'[(G g G') * (B'd B)]A: 36 products where 16 results take 144. The points are 0, a, -a, b,
// -b, so that pairs share what is even and what is odd in p. All of 1 / N stays in A, which is applied least often.
// Measured on 320 channels, the relative error is 3.0e-6 for a, b = 1, 2 (and 1, 1/2), 1.5e-6 for 5/8, 3/2, against
// 1.0e-6 of a direct sum; their squares and the products of these are exact in float32.
//
// Blocking. The products over the channels run as 36 matrix products of a group of tiles with a block of filters, which
// the filters' transform feeds:
//   for each block of filters                            (a task, with one group of tiles)
//     for each `depth` channels
//       U[point][channel][filter] = G g G'               in L2, read by L1 for one point at a time
//       for each point, M[point][tile][filter] += V U    V streams in, M stays in L2
//     y = A'M A, bias and all that
// U is not kept: it has four times the values of g, so reading it from memory costs more than the 54 additions and
// multiplications and 36 stores that make 16 of them, which serve every tile of the group; and so packed weights are no
// larger than those of direct convolution. V of a group, for all channels, is written once by all threads and shared.
//
// filters = 32: with n filters, V is read once for 2 n operations of each of its floats, by a register tile with
// AVX-512 at 4 bytes a cycle for n = 32. Two register tiles with AVX2 (16 filters made its products 1.36 times as
// slow). 64 would leave room in L2 for half the tiles only.
// depth = 64: U takes 36 * 64 * 32 * 4 bytes = 288 KiB, of one point 8 KiB. A register tile of M is loaded and stored
// once in 64 steps.
// most_tiles = 128: M takes 36 * 128 * 32 * 4 bytes = 576 KiB. With U that is less than the 1 MiB of processors with
// AVX-512; where L2 is smaller, M streams at half the speed of V. 112 tiles would cut the 128 of two maps of 32 x 32.
// The distances from one point to the next are odd numbers of cache lines, or 36 rows would share a set. What is read
// or written next is fetched ahead: tiles lie where the processor does not foresee them. Without that, 64 x 64 x 320
// took 1.4 times as long.
//
// The order of every sum depends on the channels alone: results are the same for any number of threads.

namespace sumi {
// Internal linkage: every file has its own copy, compiled with that file's instruction set.
namespace {

template <class V, class T>
class Winograd {
 public:
  static constexpr std::ptrdiff_t filters = 32;
  static constexpr std::ptrdiff_t depth = 64;
  static constexpr std::ptrdiff_t most_tiles = 128;

  static std::ptrdiff_t input_floats(std::ptrdiff_t channels, std::ptrdiff_t tiles) {
    return (channels + depth - 1) / depth * points * input_point(tiles);
  }

  static std::size_t scratch_bytes(std::ptrdiff_t tiles) {
    return static_cast<std::size_t>(points * (filter_point + output_point(tiles))) * sizeof(float);
  }

  static void transform(const WinogradShape& shape, const void* x, std::ptrdiff_t number, std::ptrdiff_t place,
                        std::ptrdiff_t count, float* inputs) {
    const Place at(shape, number);
    const std::ptrdiff_t point = input_point(count);
    float* to = inputs + place * depth;
    for (std::ptrdiff_t c = 0; c < shape.channels; c += depth, to += points * point) {
      const std::ptrdiff_t channels = least(depth, shape.channels - c);
      T border[points * depth];
      const Patch patch = patch_of(shape, static_cast<const T*>(x) + c, at, channels, border);
      for (std::ptrdiff_t i = 0; i < channels; i += lanes) transform_inputs(patch, i, channels - i, to + i, point);
    }
  }

  static void run(const WinogradShape& shape, const WinogradEpilogue& epilogue, const WinogradTask& task,
                  std::byte* scratch) {
    auto* transformed = reinterpret_cast<float*>(scratch);
    float* sums = transformed + points * filter_point;
    const float* inputs = task.inputs;
    const T* packed = static_cast<const T*>(task.filters);
    for (std::ptrdiff_t c = 0; c < shape.channels; c += depth) {
      const std::ptrdiff_t channels = least(depth, shape.channels - c);
      for (std::ptrdiff_t i = 0; i < channels; ++i, packed += taps * filters) {
        for (std::ptrdiff_t f = 0; f < filters; f += lanes) {
          transform_filters(packed + f, transformed + f / width * width * depth + i * width + f % width);
        }
      }
      multiply(inputs, transformed, channels, task.count, c == 0, sums);
      inputs += points * input_point(task.count);
    }
    for (std::ptrdiff_t i = 0; i < task.count; ++i) write(shape, epilogue, task, i, sums);
  }

 private:
  using Reg = typename V::Reg;
  static constexpr std::ptrdiff_t lanes = V::lanes, width = 2 * lanes;  ///< of a register tile
  static constexpr std::ptrdiff_t taps = 9, points = 36;
  static constexpr int tile = 4, patch_side = 6;  ///< results and inputs along an axis

  /// The finite points but 0, and 1 / N.
  static constexpr double a = 0.625, b = 1.5, aa = a * a, bb = b * b;
  static constexpr double zero_scale = 1 / (aa * bb), a_scale = 1 / (2 * aa * (aa - bb)),
                          b_scale = 1 / (2 * bb * (bb - aa));

  /// Floats from one point to the next, with one cache line in sixteen floats.
  static constexpr std::ptrdiff_t odd_lines(std::ptrdiff_t floats) { return ((floats + 15) / 16 | 1) * 16; }
  static constexpr std::ptrdiff_t filter_point = odd_lines(depth * filters);
  static constexpr std::ptrdiff_t input_point(std::ptrdiff_t tiles) { return odd_lines(tiles * depth); }
  static constexpr std::ptrdiff_t output_point(std::ptrdiff_t tiles) { return odd_lines(tiles * filters); }

  static Reg constant(double x) { return V::set(static_cast<float>(x)); }

  // One line of each transform.

  static void transform_line(const Reg (&d)[6], Reg (&v)[6]) {
    const Reg even_a = V::fma(constant(-bb), d[2], d[4]), odd_a = V::fma(constant(-bb), d[1], d[3]);
    const Reg even_b = V::fma(constant(-aa), d[2], d[4]), odd_b = V::fma(constant(-aa), d[1], d[3]);
    v[0] = V::fma(constant(-aa - bb), d[2], V::fma(constant(aa * bb), d[0], d[4]));
    v[1] = V::fma(constant(a), odd_a, even_a);
    v[2] = V::fma(constant(-a), odd_a, even_a);
    v[3] = V::fma(constant(b), odd_b, even_b);
    v[4] = V::fma(constant(-b), odd_b, even_b);
    v[5] = V::fma(constant(-aa - bb), d[3], V::fma(constant(aa * bb), d[1], d[5]));
  }

  static void transform_line(const Reg (&g)[3], Reg (&u)[6]) {
    const Reg even_a = V::fma(constant(aa), g[2], g[0]), even_b = V::fma(constant(bb), g[2], g[0]);
    u[0] = g[0];
    u[1] = V::fma(constant(a), g[1], even_a);
    u[2] = V::fma(constant(-a), g[1], even_a);
    u[3] = V::fma(constant(b), g[1], even_b);
    u[4] = V::fma(constant(-b), g[1], even_b);
    u[5] = g[2];
  }

  static void transform_line(const Reg (&m)[6], Reg (&y)[4]) {
    const Reg even_a = V::add(m[1], m[2]), odd_a = V::sub(m[1], m[2]);
    const Reg even_b = V::add(m[3], m[4]), odd_b = V::sub(m[3], m[4]);
    y[0] = V::fma(constant(zero_scale), m[0], V::fma(constant(a_scale), even_a, V::mul(constant(b_scale), even_b)));
    y[1] = V::fma(constant(a * a_scale), odd_a, V::mul(constant(b * b_scale), odd_b));
    y[2] = V::fma(constant(aa * a_scale), even_a, V::mul(constant(bb * b_scale), even_b));
    y[3] = V::fma(constant(aa * a * a_scale), odd_a, V::fma(constant(bb * b * b_scale), odd_b, m[5]));
  }

  // Inputs.

  /// Where a tile's results begin.
  struct Place {
    Place(const WinogradShape& shape, std::ptrdiff_t number)
        : picture(number / shape.tiles()),
          y(number % shape.tiles() / shape.across() * tile),
          x(number % shape.across() * tile) {}
    std::ptrdiff_t picture, y, x;
  };

  /// Six by six pixels of input.
  struct Patch {
    const T* data;
    std::ptrdiff_t row, pixel;  ///< elements from one to the next
  };

  /// Where it lies, or a copy with zeros around; `x` is the first channel of interest.
  static Patch patch_of(const WinogradShape& shape, const T* x, const Place& at, std::ptrdiff_t channels, T* border) {
    const std::ptrdiff_t y0 = at.y - shape.top, x0 = at.x - shape.left, row = shape.width * shape.channels;
    const T* picture = x + at.picture * shape.height * row;
    if (y0 >= 0 && x0 >= 0 && y0 + patch_side <= shape.height && x0 + patch_side <= shape.width) {
      return {picture + y0 * row + x0 * shape.channels, row, shape.channels};
    }
    for (std::ptrdiff_t i = 0; i < points; ++i) {
      const std::ptrdiff_t py = y0 + i / patch_side, px = x0 + i % patch_side;
      const bool inside = py >= 0 && py < shape.height && px >= 0 && px < shape.width;
      T* to = border + i * depth;
      if (inside) {
        __builtin_memcpy(to, picture + py * row + px * shape.channels, static_cast<std::size_t>(channels) * sizeof(T));
      } else {
        __builtin_memset(to, 0, static_cast<std::size_t>(channels) * sizeof(T));
      }
    }
    return {border, patch_side * depth, depth};
  }

  /// A vector of channels from `c` on, of which the patch has `left`. Unrolled, the loops over lines would keep 72
  /// addresses.
  [[gnu::noinline]] static void transform_inputs(const Patch& patch, std::ptrdiff_t c, std::ptrdiff_t left, float* to,
                                                 std::ptrdiff_t point) {
    Reg columns[patch_side][patch_side];
#pragma GCC unroll 1
    for (int j = 0; j < patch_side; ++j) {
      const T* from = patch.data + j * patch.pixel + c;
      Reg d[6], v[6];
#pragma GCC unroll 6
      for (int i = 0; i < patch_side; ++i) {
        __builtin_prefetch(from + i * patch.row + tile * patch.pixel, 0, 2);  // of the next tile, to L2
        d[i] = load<V>(from + i * patch.row, left);
      }
      transform_line(d, v);
#pragma GCC unroll 6
      for (int i = 0; i < patch_side; ++i) columns[i][j] = v[i];
    }
#pragma GCC unroll 1
    for (int i = 0; i < patch_side; ++i, to += patch_side * point) {
      Reg v[6];
      transform_line(columns[i], v);
#pragma GCC unroll 6
      for (int j = 0; j < patch_side; ++j) {
        __builtin_prefetch(to + j * point + depth);
        V::store(to + j * point, v[j]);
      }
    }
  }

  // Filters.

  /// A vector of filters.
  static void transform_filters(const T* packed, float* to) {
    Reg columns[patch_side][3];
#pragma GCC unroll 3
    for (int j = 0; j < 3; ++j) {
      Reg g[3], u[6];
#pragma GCC unroll 3
      for (int i = 0; i < 3; ++i) {
        const T* from = packed + (i * 3 + j) * filters;
        __builtin_prefetch(from + 4 * taps * filters);
        g[i] = V::load(from);
      }
      transform_line(g, u);
#pragma GCC unroll 6
      for (int i = 0; i < patch_side; ++i) columns[i][j] = u[i];
    }
#pragma GCC unroll 6
    for (int i = 0; i < patch_side; ++i) {
      Reg u[6];
      transform_line(columns[i], u);
#pragma GCC unroll 6
      for (int j = 0; j < patch_side; ++j) V::store(to + (i * patch_side + j) * filter_point, u[j]);
    }
  }

  // Products.

  static void multiply(const float* inputs, const float* transformed, std::ptrdiff_t channels, std::ptrdiff_t count,
                       bool first, float* sums) {
    const RowTiles<V> tiles(count);
    for (std::ptrdiff_t point = 0; point < points; ++point) {
      for (std::ptrdiff_t i = 0; i < tiles.count; ++i) {
        for (std::ptrdiff_t f = 0; f < filters; f += width) {
          multiply_rows<tile_rows<V>>(tiles.size(i), inputs + point * input_point(count) + tiles.begin(i) * depth,
                                      transformed + point * filter_point + f * depth, channels, first,
                                      sums + point * output_point(count) + tiles.begin(i) * filters + f);
        }
      }
    }
  }

  template <int rows>
  static void multiply_rows(std::ptrdiff_t count, const float* inputs, const float* transformed,
                            std::ptrdiff_t channels, bool first, float* to) {
    if constexpr (rows > 1) {
      if (count < rows) return multiply_rows<rows - 1>(count, inputs, transformed, channels, first, to);
    }
    Reg sums[rows][2];
#pragma GCC unroll 16
    for (int i = 0; i < rows; ++i) {
      sums[i][0] = first ? V::zero() : V::load(to + i * filters);
      sums[i][1] = first ? V::zero() : V::load(to + i * filters + lanes);
    }
    // The next rows of V and M, evenly over the steps.
    multiply_tile<V, FloatProducts<V>, depth, 1>(inputs, transformed, channels, sums, [&](std::ptrdiff_t step) {
      __builtin_prefetch(inputs + (depth + step) * rows);
      __builtin_prefetch(to + (depth + step) * rows * filters / depth);
    });
#pragma GCC unroll 16
    for (int i = 0; i < rows; ++i) {
      V::store(to + i * filters, sums[i][0]);
      V::store(to + i * filters + lanes, sums[i][1]);
    }
  }

  // Results.

  /// The tile at `place` of the task.
  static void write(const WinogradShape& shape, const WinogradEpilogue& epilogue, const WinogradTask& task,
                    std::ptrdiff_t place, const float* sums) {
    const Place at(shape, task.first + place);
    const std::ptrdiff_t end = least(shape.out_channels, task.first_filter + filters);
    const float* from = sums + place * filters;
    for (std::ptrdiff_t o = task.first_filter; o < end; o += lanes, from += lanes) {
      Reg offset = epilogue.bias ? load<V>(epilogue.bias + o, end - o) : V::zero();
      if (epilogue.row) {
        const T* row = static_cast<const T*>(epilogue.row) + at.picture * shape.out_channels + o;
        offset = V::add(offset, load<V>(row, end - o));
      }
      Reg columns[tile][patch_side];
      transform_columns(from, output_point(task.count), columns);
      const std::ptrdiff_t rows = least(tile, shape.out_height - at.y), row = shape.out_width * shape.out_channels;
      std::ptrdiff_t first = (at.picture * shape.out_height + at.y) * row + at.x * shape.out_channels + o;
      for (std::ptrdiff_t i = 0; i < rows; ++i, first += row) {
        Reg y[tile];
        transform_line(columns[i], y);
#pragma GCC unroll 4
        for (int j = 0; j < tile; ++j) {
          if (at.x + j >= shape.out_width) break;
          finish(shape, epilogue, V::add(y[j], offset), first + j * shape.out_channels, end - o,
                 static_cast<T*>(task.y));
        }
      }
    }
  }

  static void transform_columns(const float* from, std::ptrdiff_t point, Reg (&columns)[tile][patch_side]) {
#pragma GCC unroll 1
    for (int j = 0; j < patch_side; ++j, from += point) {
      Reg m[6], y[4];
#pragma GCC unroll 6
      for (int i = 0; i < patch_side; ++i) {
        __builtin_prefetch(from + i * patch_side * point + filters);
        m[i] = V::load(from + i * patch_side * point);
      }
      transform_line(m, y);
#pragma GCC unroll 4
      for (int i = 0; i < tile; ++i) columns[i][j] = y[i];
    }
  }

  /// A vector of filters, of which there are `left`, for one pixel.
  static void finish(const WinogradShape& shape, const WinogradEpilogue& epilogue, Reg sum, std::ptrdiff_t element,
                     std::ptrdiff_t left, T* y) {
    Reg result = activate(epilogue, sum);
    if (epilogue.residual) result = V::add(result, load<V>(static_cast<const T*>(epilogue.residual) + element, left));
    __builtin_prefetch(y + element + tile * shape.out_channels);
    store<V>(y + element, result, left);
  }

  static Reg activate(const WinogradEpilogue& epilogue, Reg x) {
    if (epilogue.silu) return silu<V>(x);
    return V::where_negative(x, V::mul(x, V::set(epilogue.negative_slope)), x);
  }
};

template <class V, class T>
constexpr WinogradKernel winograd_kernel() {
  using Kernel = Winograd<V, T>;
  return {Kernel::filters,       Kernel::depth,     Kernel::most_tiles, Kernel::input_floats,
          Kernel::scratch_bytes, Kernel::transform, Kernel::run};
}

}  // namespace
}  // namespace sumi
