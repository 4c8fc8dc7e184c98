#pragma once

#include <cstddef>
#include <cstdint>

#include "backend/cpu/conv2d_winograd.h"
#include "backend/cpu/conv2d_winograd_transforms.h"
#include "backend/cpu/product_tile.h"
#include "backend/cpu/simd_math.h"

// Winograd's convolution of 3 x 3 taps over the vector layer V of one instruction set; T is float, or std::uint16_t for
// bf16 in memory. What is transformed how, and multiplied in which type, is a Scheme; all sums are float32.
//
// Blocking. The products over the channels run as a matrix product for each of the transform's points, of a group of
// tiles with a block of filters, which the filters' transform feeds:
//   for each block of filters                            (a task, with one group of tiles)
//     for each `depth` channels
//       U[point][word of channels][filter] = G g G'      in L2, read by L1 for one point at a time
//       for each point, M[point][tile][filter] += V U    V streams in, M stays in L2
//     y = A'M A, bias and all that
// U is not kept from call to call, so packed weights are no larger than those of direct convolution: making it takes as
// long as the products of a few tiles, and serves every tile of the group. V of a group, for all channels, is written
// once by all threads and shared.
// On large maps U of all filters is made once, and a thread takes smaller groups of its own through all of them: no
// thread waits for another, and V need not leave its L2. On a Zen 4, in pairs, 64 x 64 x 320 alone rose from 1.4 to 1.8
// times the speed of oneDNN's; within a step, layers of 64 x 64 gained 3 to 10 %.
//
// filters = 32: with n filters, V is read once for n multiplications of each of its words, by a register tile with
// AVX-512 at 4 bytes a cycle for n = 32. Two register tiles with AVX2 (16 filters made its products 1.36 times as
// slow). 64 would leave room in L2 for half the tiles only.
// The distances from one point to the next are odd numbers of cache lines, or the rows of all would share a set. What
// is read or written next is fetched ahead: tiles lie where the processor does not foresee them. Without that, 64 x 64
// x 320 took 1.4 times as long.
//
// The order of every sum depends on the channels alone: results are the same for any number of threads.

namespace sumi {
// Internal linkage: every file has its own copy, compiled with that file's instruction set.
namespace {

/// F(4 x 4) in float32.
///
/// U has four times the values of g, so reading it from memory costs more than the 54 additions and multiplications and
/// 36 stores that make 16 of them.
/// depth = 64: U takes 36 * 64 * 32 * 4 bytes = 288 KiB, of one point 8 KiB. A register tile of M is loaded and stored
/// once in 64 steps.
/// most_tiles = 128: M takes 36 * 128 * 32 * 4 bytes = 576 KiB. With U that is less than the 1 MiB of processors with
/// AVX-512; where L2 is smaller, M streams at half the speed of V. 112 tiles would cut the 128 of two maps of 32 x 32.
/// own_tiles = 112: eight register tiles. With 56, U is read too often: 64 x 64 x 320 took 1.1 times as long, with 28
/// 1.25 times.
/// Costs are shares of the profile for 64 x 64 x 320, 32 x 32 x 640 and 512 x 512 x 128 (Ice Lake).
template <class V>
struct InFloats {
  using Transform = FourByFour<V>;
  using Words = FloatProducts<V>;
  static constexpr std::ptrdiff_t depth = 64, most_tiles = 128, own_tiles = 112;
  static constexpr WinogradCosts costs{.inputs = 45, .sums = 35, .filters = 8};
};

/// F(2 x 2) in pairs of bf16, rounded after the transforms, for processors with an instruction for products of pairs.
///
/// In words everything is as above, with 16 points for 36. A word of filters becomes 16 words in 4 vectors, each by 9
/// loads, 21 additions and 16 stores that round: 400 instructions in all, beside 32 products for each tile. Groups of
/// two maps of 8 x 8 have but 32 tiles; there alone keeping U would pay, at 52 MB to read for 1280 x 1280 filters,
/// not 29. depth = 128: U takes 16 * 64 * 32 * 4 bytes = 128 KiB, of one point 8 KiB. A register tile of M is loaded
/// and stored once in 64 steps. most_tiles = 256: M takes 16 * 256 * 32 * 4 bytes = 512 KiB, with U less than 1 MiB of
/// L2. More would save little of the filters' transform, 12/256 of the products. Costs are shares of the profile of
/// this source on Ice Lake, in one thread, with one multiplication of floats for the product of pairs and with stores
/// that cut instead of rounding, for 64 x 64 x 128, 64 x 64 x 320 and 16 x 16 x 1280: inputs 18, 22, 26; sums 16, 14
/// (too small to tell for 1280); filters 12, 12, 8. A product of two vectors took 0.35 ns there.
/// own_tiles = 56: four register tiles. From 28 to 70 there is no difference; with 126 and 960 channels, of which V
/// takes 7.5 MiB a thread, it took 1.15 times as long.
template <class V>
struct InPairs {
  using Transform = TwoByTwo<V>;
  using Words = PairProducts<V>;
  static constexpr std::ptrdiff_t depth = 128, most_tiles = 256, own_tiles = 56;
  static constexpr WinogradCosts costs{.inputs = 22, .sums = 16, .filters = 12};
};

/// Of an upsampled x, with 9 points: U takes 72 KiB in both types; M of most_tiles, whose filters are made for them
/// alone, 504 KiB. own_tiles: between 56 and 182 in pairs, and 112 and 448 in floats, differences are within 5 %.
template <class V>
struct UpsampledInFloats {
  using Transform = Upsampled<V>;
  using Words = FloatProducts<V>;
  static constexpr std::ptrdiff_t depth = 64, most_tiles = 448, own_tiles = 112;
  static constexpr WinogradCosts costs{.inputs = 22, .sums = 16, .filters = 14};
};
template <class V>
struct UpsampledInPairs {
  using Transform = Upsampled<V>;
  using Words = PairProducts<V>;
  static constexpr std::ptrdiff_t depth = 128, most_tiles = 448, own_tiles = 98;
  static constexpr WinogradCosts costs = UpsampledInFloats<V>::costs;
};

template <class V, class T, class Scheme>
class Winograd {
 public:
  using Transform = typename Scheme::Transform;
  using Words = typename Scheme::Words;
  static constexpr int tile = Transform::tile, step = Transform::step;
  static constexpr std::ptrdiff_t points = Transform::patch_side * Transform::patch_side;
  static constexpr std::ptrdiff_t per_word = Words::per_word;
  static constexpr std::ptrdiff_t filters = 32;

  static std::ptrdiff_t input_words(std::ptrdiff_t channels, std::ptrdiff_t tiles) {
    return (channels + depth - 1) / depth * points * input_point(tiles);
  }

  static std::ptrdiff_t filter_words(std::ptrdiff_t channels) {
    return (channels + depth - 1) / depth * points * filter_point;
  }

  static std::size_t scratch_bytes(std::ptrdiff_t tiles) {
    return static_cast<std::size_t>(points * (filter_point + output_point(tiles))) * sizeof(float);
  }

  static void transform(const WinogradShape& shape, const void* x, std::ptrdiff_t first, std::ptrdiff_t tiles,
                        std::ptrdiff_t place, std::ptrdiff_t count, float* inputs) {
    const std::ptrdiff_t point = input_point(count);
    for (std::ptrdiff_t i = 0, together; i < tiles; i += together) {
      const Place at(shape, first + i);
      const std::ptrdiff_t inside = least(tiles_inside(shape, at), tiles - i);
      together = inside > 0 ? inside : 1;
      float* to = inputs + (place + i) * depth_words;
      for (std::ptrdiff_t c = 0; c < shape.channels; c += depth, to += points * point) {
        const std::ptrdiff_t channels = least(depth, shape.channels - c);
        T border[points * depth];
        const T* data = static_cast<const T*>(x) + c;
        const Pixels from = inside > 0
                                ? pixels_of(shape, data, at.picture, first_row(shape, at), first_column(shape, at))
                                : framed(shape, data, at, channels, border);
        for (std::ptrdiff_t k = 0; k < channels; k += lanes) {
          transform_inputs(from, together, k, channels - k, values(to) + k, point * per_word);
        }
      }
    }
  }

  static void transform_filters(std::ptrdiff_t channels, const void* packed, float* transformed) {
    const T* from = static_cast<const T*>(packed);
    for (std::ptrdiff_t c = 0; c < channels; c += depth, transformed += points * filter_point) {
      from = transform_filters(from, words_of(channels - c), transformed);
    }
  }

  static void run(const WinogradShape& shape, const WinogradEpilogue& epilogue, const WinogradTask& task,
                  std::byte* scratch) {
    auto* own = reinterpret_cast<float*>(scratch);
    float* sums = own + points * filter_point;
    const float *inputs = task.inputs, *transformed = task.transformed ? task.transformed : own;
    const T* packed = static_cast<const T*>(task.filters);
    for (std::ptrdiff_t c = 0; c < shape.channels; c += depth) {
      const std::ptrdiff_t words = words_of(shape.channels - c);
      if (!task.transformed) packed = transform_filters(packed, words, own);
      multiply(inputs, transformed, words, task.count, c == 0, sums);
      inputs += points * input_point(task.count);
      if (task.transformed) transformed += points * filter_point;
    }
    Place at(shape, task.first);
    for (std::ptrdiff_t i = 0; i < task.count; ++i, at.next(shape)) {
      write(shape, epilogue, task, at, sums + i * filters, output_point(task.count));
    }
  }

 private:
  using Reg = typename V::Reg;
  using Value = typename Words::Value;
  static constexpr std::ptrdiff_t lanes = V::lanes, width = 2 * lanes;  ///< of a register tile
  static constexpr std::ptrdiff_t depth = Scheme::depth, depth_words = depth / per_word;
  static constexpr std::ptrdiff_t taps = 9;
  /// Tiles that are transformed together, for one vector of channels after the other: 18 KiB of pixels of F(2 x 2).
  static constexpr std::ptrdiff_t strip = 8;
  static constexpr std::ptrdiff_t packed_row = filters * per_word;  ///< values of packed filters, for one tap
  static constexpr int patch_side = Transform::patch_side;

  /// Words from one point to the next.
  static constexpr std::ptrdiff_t odd_lines(std::ptrdiff_t words) { return ((words + 15) / 16 | 1) * 16; }
  static constexpr std::ptrdiff_t filter_point = odd_lines(depth_words * filters);
  static constexpr std::ptrdiff_t input_point(std::ptrdiff_t tiles) { return odd_lines(tiles * depth_words); }
  static constexpr std::ptrdiff_t output_point(std::ptrdiff_t tiles) { return odd_lines(tiles * filters); }

  /// Of the next piece of so many channels, or more.
  static std::ptrdiff_t words_of(std::ptrdiff_t channels) { return (least(depth, channels) + per_word - 1) / per_word; }

  /// What words hold, which only vector stores write.
  static Value* values(float* words) { return reinterpret_cast<Value*>(words); }

  // Inputs.

  /// Where a tile's results begin.
  struct Place {
    Place(const WinogradShape& shape, std::ptrdiff_t number)
        : picture(number / shape.tiles(tile)),
          y(number % shape.tiles(tile) / shape.across(tile) * tile),
          x(number % shape.across(tile) * tile) {}
    void next(const WinogradShape& shape) {
      if ((x += tile) < shape.out_width) return;
      x = 0;
      if ((y += tile) < shape.out_height) return;
      y = 0;
      ++picture;
    }
    std::ptrdiff_t picture, y, x;
  };

  /// Of a tile's inputs; what is not in the map is zero.
  static std::ptrdiff_t first_row(const WinogradShape& shape, const Place& at) {
    return at.y / tile * step - shape.top;
  }
  static std::ptrdiff_t first_column(const WinogradShape& shape, const Place& at) {
    return at.x / tile * step - shape.left;
  }

  /// Tiles from `at` on, in its row and no more than a strip, whose inputs all lie in the map.
  static std::ptrdiff_t tiles_inside(const WinogradShape& shape, const Place& at) {
    const std::ptrdiff_t y0 = first_row(shape, at), x0 = first_column(shape, at), room = shape.width - patch_side - x0;
    if (y0 < 0 || y0 + patch_side > shape.height || x0 < 0 || room < 0) return 0;
    return least(room / step + 1, strip);
  }

  /// Input pixels from the first row and column of a tile on.
  struct Pixels {
    const T* data;
    std::ptrdiff_t row, pixel;  ///< elements from one to the next
  };

  /// Where they lie; `x` is the first channel of interest.
  static Pixels pixels_of(const WinogradShape& shape, const T* x, std::ptrdiff_t picture, std::ptrdiff_t y,
                          std::ptrdiff_t column) {
    const std::ptrdiff_t row = shape.width * shape.channels;
    return {x + (picture * shape.height + y) * row + column * shape.channels, row, shape.channels};
  }

  /// A copy of a tile's in `square`, with zeros around the map.
  static Pixels framed(const WinogradShape& shape, const T* x, const Place& at, std::ptrdiff_t channels, T* square) {
    for (std::ptrdiff_t i = 0; i < points; ++i) {
      const std::ptrdiff_t y = first_row(shape, at) + i / patch_side, column = first_column(shape, at) + i % patch_side;
      const bool inside = y >= 0 && y < shape.height && column >= 0 && column < shape.width;
      T* to = square + i * depth;
      if (inside) {
        const T* from = pixels_of(shape, x, at.picture, y, column).data;
        __builtin_memcpy(to, from, static_cast<std::size_t>(channels) * sizeof(T));
      } else {
        __builtin_memset(to, 0, static_cast<std::size_t>(channels) * sizeof(T));
      }
    }
    return {square, patch_side * depth, depth};
  }

  /// A vector of channels from `c` on, of which there are `left`, of tiles side by side: the columns that neighbours
  /// share are transformed once. From one point to the next are `point` values.
  [[gnu::noinline]] static void transform_inputs(const Pixels& pixels, std::ptrdiff_t tiles, std::ptrdiff_t c,
                                                 std::ptrdiff_t left, Value* to, std::ptrdiff_t point) {
    constexpr int shared = patch_side - step;
    Reg columns[patch_side][patch_side];
    const T* from = pixels.data + c;
    const auto transform_column = [&](int j) {
      Reg d[patch_side], v[patch_side];
#pragma GCC unroll 6
      for (int i = 0; i < patch_side; ++i) {
        __builtin_prefetch(from + i * pixels.row + step * pixels.pixel, 0, 2);  // of the next tile, to L2
        d[i] = load<V>(from + i * pixels.row, left);
      }
      Transform::transform_inputs(d, v);
#pragma GCC unroll 6
      for (int i = 0; i < patch_side; ++i) columns[i][j] = v[i];
      from += pixels.pixel;
    };
    for (int j = 0; j < shared; ++j) transform_column(j);
    for (std::ptrdiff_t t = 0; t < tiles; ++t, to += depth) {
#pragma GCC unroll 4
      for (int j = shared; j < patch_side; ++j) transform_column(j);
      Value* line = to;
#pragma GCC unroll 4
      for (int i = 0; i < patch_side; ++i, line += patch_side * point) {
        Reg v[patch_side];
        Transform::transform_inputs(columns[i], v);
#pragma GCC unroll 6
        for (int j = 0; j < patch_side; ++j) {
          __builtin_prefetch(line + j * point + depth);
          V::store(line + j * point, v[j]);
        }
#pragma GCC unroll 2
        for (int j = 0; j < shared; ++j) columns[i][j] = columns[i][j + step];
      }
    }
  }

  // Filters.

  /// Of a piece of the channels; returns the next one's.
  static const T* transform_filters(const T* packed, std::ptrdiff_t words, float* transformed) {
    constexpr std::ptrdiff_t panel = width * per_word;  // the filters of a register tile
    for (std::ptrdiff_t word = 0; word < words; ++word, packed += taps * packed_row) {
      for (std::ptrdiff_t i = 0; i < packed_row; i += lanes) {
        const std::ptrdiff_t place = (i / panel * depth_words + word) * panel + i % panel;
        transform_filter(packed + i, values(transformed) + place);
      }
    }
    return packed;
  }

  /// A vector of a row of packed filters.
  static void transform_filter(const T* packed, Value* to) {
    Reg columns[patch_side][3];
#pragma GCC unroll 3
    for (int j = 0; j < 3; ++j) {
      Reg g[3], u[patch_side];
#pragma GCC unroll 3
      for (int i = 0; i < 3; ++i) {
        const T* from = packed + (i * 3 + j) * packed_row;
        __builtin_prefetch(from + 4 * taps * packed_row);
        g[i] = V::load(from);
      }
      Transform::transform_filters(g, u);
#pragma GCC unroll 6
      for (int i = 0; i < patch_side; ++i) columns[i][j] = u[i];
    }
#pragma GCC unroll 6
    for (int i = 0; i < patch_side; ++i) {
      Reg u[patch_side];
      Transform::transform_filters(columns[i], u);
#pragma GCC unroll 6
      for (int j = 0; j < patch_side; ++j) V::store(to + (i * patch_side + j) * filter_point * per_word, u[j]);
    }
  }

  // Products.

  static void multiply(const float* inputs, const float* transformed, std::ptrdiff_t words, std::ptrdiff_t count,
                       bool first, float* sums) {
    const RowTiles<V> tiles(count);
    for (std::ptrdiff_t point = 0; point < points; ++point) {
      for (std::ptrdiff_t i = 0; i < tiles.count; ++i) {
        for (std::ptrdiff_t f = 0; f < filters; f += width) {
          multiply_rows<tile_rows<V>>(tiles.size(i), inputs + point * input_point(count) + tiles.begin(i) * depth_words,
                                      transformed + point * filter_point + f * depth_words, words, first,
                                      sums + point * output_point(count) + tiles.begin(i) * filters + f);
        }
      }
    }
  }

  template <int rows>
  static void multiply_rows(std::ptrdiff_t count, const float* inputs, const float* transformed, std::ptrdiff_t words,
                            bool first, float* to) {
    if constexpr (rows > 1) {
      if (count < rows) return multiply_rows<rows - 1>(count, inputs, transformed, words, first, to);
    }
    Reg sums[rows][2];
#pragma GCC unroll 16
    for (int i = 0; i < rows; ++i) {
      sums[i][0] = first ? V::zero() : V::load(to + i * filters);
      sums[i][1] = first ? V::zero() : V::load(to + i * filters + lanes);
    }
    // The next rows of V and M, evenly over the steps.
    multiply_tile<V, Words, depth_words, 1>(inputs, transformed, words, sums, [&](std::ptrdiff_t step) {
      __builtin_prefetch(inputs + (depth_words + step) * rows);
      __builtin_prefetch(to + (depth_words + step) * rows * filters / depth_words);
    });
#pragma GCC unroll 16
    for (int i = 0; i < rows; ++i) {
      V::store(to + i * filters, sums[i][0]);
      V::store(to + i * filters + lanes, sums[i][1]);
    }
  }

  // Results.

  /// The tile at `at`; from one point to the next are `point` sums.
  static void write(const WinogradShape& shape, const WinogradEpilogue& epilogue, const WinogradTask& task,
                    const Place& at, const float* sums, std::ptrdiff_t point) {
    const std::ptrdiff_t end = least(shape.out_channels, task.first_filter + filters);
    for (std::ptrdiff_t o = task.first_filter; o < end; o += lanes, sums += lanes) {
      Reg offset = epilogue.bias ? load<V>(epilogue.bias + o, end - o) : V::zero();
      if (epilogue.row) {
        const T* row = static_cast<const T*>(epilogue.row) + at.picture * shape.out_channels + o;
        offset = V::add(offset, load<V>(row, end - o));
      }
      Reg columns[tile][patch_side];
      transform_columns(sums, point, columns);
      const std::ptrdiff_t rows = least(tile, shape.out_height - at.y), row = shape.out_width * shape.out_channels;
      std::ptrdiff_t first = (at.picture * shape.out_height + at.y) * row + at.x * shape.out_channels + o;
      for (std::ptrdiff_t i = 0; i < rows; ++i, first += row) {
        Reg y[tile];
        Transform::transform_sums(columns[i], y);
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
      Reg m[patch_side], y[tile];
#pragma GCC unroll 6
      for (int i = 0; i < patch_side; ++i) {
        __builtin_prefetch(from + i * patch_side * point + filters);
        m[i] = V::load(from + i * patch_side * point);
      }
      Transform::transform_sums(m, y);
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

template <class V, class T, template <class> class Scheme>
constexpr WinogradKernel winograd_kernel() {
  using Kernel = Winograd<V, T, Scheme<V>>;
  return {.tile = Kernel::tile,
          .points = Kernel::points,
          .per_word = Kernel::per_word,
          .filters = Kernel::filters,
          .most_tiles = Scheme<V>::most_tiles,
          .own_tiles = Scheme<V>::own_tiles,
          .costs = Scheme<V>::costs,
          .input_words = Kernel::input_words,
          .filter_words = Kernel::filter_words,
          .scratch_bytes = Kernel::scratch_bytes,
          .transform = Kernel::transform,
          .transform_filters = Kernel::transform_filters,
          .run = Kernel::run};
}

}  // namespace
}  // namespace sumi
