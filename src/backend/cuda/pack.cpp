#include "backend/cuda/pack.h"

#include <algorithm>
#include <vector>

#include "core/aligned.h"
#include "core/check.h"
#include "core/threads.h"

namespace sumi::cuda {
namespace {

/// A tile of so many rows of a weight and at most so many columns, in float32, stays in a core's second-level cache,
/// beside what an adapter multiplies for it.
constexpr std::int64_t tile_rows = 64, most_columns = 1024;
constexpr std::int64_t line = 16;  ///< floats of a line of the cache

/// Packs one weight of (outputs, inputs, taps): to (outputs, taps, inputs), rounded to `type`.
class Packing {
 public:
  Packing(const Source& source, std::int64_t taps, DType type, std::byte* to)
      : source_(source),
        rows_(source.shape()[0]),
        inputs_(columns_of(source.shape()) / taps),
        taps_(taps),
        type_(type),
        to_(to) {
    const std::int64_t most_inputs = std::max<std::int64_t>(most_columns / taps, 1);
    width_ = divide_up(inputs_, divide_up(inputs_, most_inputs));
  }

  void all() const {
    const std::int64_t across = divide_up(inputs_, width_), tiles = divide_up(rows_, tile_rows) * across;
    const int most = static_cast<int>(std::min<std::int64_t>(threads(), tiles));
    std::vector<AlignedFloats> memory(static_cast<std::size_t>(most));
    parallel_each(tiles, most, [&](std::int64_t number, int part) {
      AlignedFloats& values = memory[static_cast<std::size_t>(part)];
      if (!values) values = aligned_floats(static_cast<std::size_t>(tile_rows * stride() + width_));
      tile(number / across * tile_rows, number % across * width_, values.get());
    });
  }

 private:
  /// No power of two, so that rows lie in different sets of the cache.
  std::int64_t stride() const { return divide_up(width_ * taps_, line) * line + line; }

  /// Rows from `row` on of the inputs from `input` on. `values` has room for them and for one tap of a row.
  void tile(std::int64_t row, std::int64_t input, float* values) const {
    const std::int64_t rows = std::min(tile_rows, rows_ - row), inputs = std::min(width_, inputs_ - input);
    source_.read_tile({row, rows, input * taps_, inputs * taps_}, values, stride());
    float* together = values + tile_rows * stride();
    for (std::int64_t i = 0; i < rows; ++i) {
      const float* from = values + i * stride();
      for (std::int64_t tap = 0; tap < taps_; ++tap) {
        if (taps_ > 1) {
          for (std::int64_t c = 0; c < inputs; ++c) together[c] = from[c * taps_ + tap];
        }
        const std::int64_t at = ((row + i) * taps_ + tap) * inputs_ + input;
        from_float({taps_ > 1 ? together : from, static_cast<std::size_t>(inputs)}, type_,
                   to_ + static_cast<std::size_t>(at) * bytes_of(type_));
      }
    }
  }

  const Source& source_;
  const std::int64_t rows_, inputs_, taps_;
  const DType type_;
  std::byte* const to_;
  std::int64_t width_ = 0;  ///< inputs of a tile
};

/// A convolution of 1 x 1 has its weight as a linear has.
Plan plan_of(DType type, std::int64_t values, std::int64_t taps) {
  return {.layout = fmt::format("{}-{}", name_of(type), taps > 1 ? "filters" : "rows"),
          .packed_bytes = static_cast<std::size_t>(values) * bytes_of(type),
          .packs_rows = true,
          .packed_type = type,
          .state = {}};
}

}  // namespace

DType weight_type(const Conv2dOp::Case& c) { return c.x; }
DType weight_type(const LinearOp::Case& c) { return c.x; }
DType weight_type(const EmbeddingOp::Case& c) { return c.y; }

Plan weight_plan(const Conv2dOp::Case& c) {
  const std::int64_t taps = c.kernel * c.kernel;
  return plan_of(weight_type(c), c.out_channels * c.in_channels * taps, taps);
}
Plan weight_plan(const LinearOp::Case& c) { return plan_of(weight_type(c), c.weight_rows() * c.in, 1); }
Plan weight_plan(const EmbeddingOp::Case& c) { return plan_of(weight_type(c), c.vocabulary * c.channels, 1); }

void pack(const Conv2dOp::Case& c, const Source& source, std::byte* to) {
  Packing(source, c.kernel * c.kernel, weight_type(c), to).all();
}
void pack(const LinearOp::Case& c, const Source& source, std::byte* to) {
  Packing(source, 1, weight_type(c), to).all();
}
void pack(const EmbeddingOp::Case& c, const Source& source, std::byte* to) {
  Packing(source, 1, weight_type(c), to).all();
}

}  // namespace sumi::cuda
