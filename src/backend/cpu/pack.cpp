#include "backend/cpu/pack.h"

#include <algorithm>

#include "backend/cpu/isa.h"
#include "backend/cpu/pack_simd.h"
#include "core/aligned.h"
#include "core/check.h"
#include "core/threads.h"

namespace sumi {
namespace {

/// Rows of a tile: the widest block of outputs that layouts have.
constexpr std::int64_t tile_rows = 64;
constexpr std::int64_t line = 16;  ///< floats of a line of the cache
/// Columns of a tile at most: it and what an adapter of rank 64 multiplies for it fill half of a second-level cache of
/// 1 MiB.
constexpr std::int64_t most_columns = 1024;

const PackKernel* kernel_of_processor() {
#if defined(__x86_64__)
  if (usable_isa() >= Isa::avx512) return &avx512::pack;
  if (usable_isa() >= Isa::avx2) return &avx2::pack;
#elif defined(__aarch64__)
  if (usable_isa() >= Isa::neon) return &neon::pack;
#endif
  return nullptr;
}

bool whole_lines(std::span<const std::int64_t> places) {
  return std::all_of(places.begin(), places.end(), [](std::int64_t place) { return place % line == 0; });
}

/// Packs one weight.
class Packing {
 public:
  Packing(const Source& source, const RowRange& rows, const PackedLayout& layout, DType type, std::byte* to)
      : source_(source), rows_(rows), layout_(layout), type_(type), to_(to), kernel_(kernel_of_processor()) {
    check(type == DType::f32 || type == DType::bf16, ErrorCode::internal, "packing: no kernels for {}", name_of(type));
    pair_up();
    const std::int64_t unit = gap_ ? 2 * gap_ : tile_rows, chunks = divide_up(columns(), most_columns);
    width_ = divide_up(divide_up(columns(), chunks), unit) * unit;
    streams_ = reinterpret_cast<std::uintptr_t>(to) % (line * sizeof(float)) == 0 &&
               (gap_ ? whole_lines(words_) : type == DType::f32 && whole_lines(layout.columns));
  }

  void all() {
    const std::int64_t across = divide_up(columns(), width_), tiles = divide_up(height(), tile_rows) * across;
    const int most = static_cast<int>(std::min<std::int64_t>(threads(), tiles));
    std::vector<AlignedFloats> memory(static_cast<std::size_t>(most));
    const auto pack = [&](std::int64_t number, int part) {
      AlignedFloats& values = memory[static_cast<std::size_t>(part)];
      if (!values) values = aligned_floats(static_cast<std::size_t>(tile_rows * stride()));
      tile(number / across * tile_rows, number % across * width_, values.get());
    };
    if (tiles == 1) return pack(0, 0);
    parallel_each(tiles, most, pack);
  }

 private:
  std::int64_t height() const { return static_cast<std::int64_t>(layout_.rows.size()); }
  std::int64_t columns() const { return static_cast<std::int64_t>(layout_.columns.size()); }
  /// No power of two, so that the rows of a square lie in different sets of the cache.
  std::int64_t stride() const { return divide_up(width_, line) * line + line; }

  /// Where bf16 are multiplied in pairs, neighbours in memory are inputs c and c + 1 of one tap: columns that lie as
  /// many apart as there are taps. Two of them are packed as one word of float's size.
  void pair_up() {
    const auto &rows = layout_.rows, &all = layout_.columns;
    if (!kernel_ || type_ != DType::bf16 || rows.size() < 2 || rows[1] != rows[0] + 2) return;
    const std::int64_t gap = std::find(all.begin(), all.end(), all.front() + 1) - all.begin();
    if (gap > most_columns / 2 || columns() % (2 * gap) != 0) return;
    for (std::int64_t first = 0; first < columns(); first += 2 * gap) {
      for (std::int64_t c = first; c < first + gap; ++c) {
        if (all[c] % 2 != 0 || all[c + gap] != all[c] + 1) return words_.clear();
        words_.push_back(all[c] / 2);
      }
    }
    gap_ = gap;
  }

  void tile(std::int64_t row, std::int64_t column, float* values) const {
    const std::int64_t rows = std::min(tile_rows, height() - row), across = std::min(width_, columns() - column);
    const std::int64_t full = columns_of(source_.shape());
    const std::int64_t real_rows = std::clamp<std::int64_t>(rows_.count - row, 0, rows);
    const std::int64_t real = std::clamp<std::int64_t>(full - column, 0, across);
    if (real_rows * real > 0) source_.read_tile({rows_.first + row, real_rows, column, real}, values, stride());
    for (std::int64_t i = 0; i < rows; ++i) {
      std::fill(values + i * stride() + (i < real_rows ? real : 0), values + i * stride() + across, 0.0f);
    }
    for (std::int64_t i = 0; gap_ && i < rows; ++i) kernel_->pairs(values + i * stride(), across, gap_);
    for (std::int64_t i = 0; i < rows;) {
      const std::int64_t count = kernel_ ? run_length(row + i, row + rows) : 1;
      write({values + i * stride(), stride(), count, across}, row + i, column);
      i += count;
    }
  }

  /// How many rows from `first` on lie side by side.
  std::int64_t run_length(std::int64_t first, std::int64_t end) const {
    const auto& places = layout_.rows;
    const std::int64_t step = gap_ ? 2 : 1;
    std::int64_t next = first + 1;
    while (next < end && places[next] == places[first] + (next - first) * step) ++next;
    return next - first;
  }

  void write(PackTile run, std::int64_t row, std::int64_t column) const {
    const std::int64_t* column_at = layout_.columns.data() + column;
    std::byte* at = to_ + layout_.rows[row] * bytes_of(type_);
    if (gap_) {
      column_at = words_.data() + column / 2;
      run.columns /= 2;
    } else if (run.rows == 1) {
      return write_row(run, column_at, at);
    } else if (type_ == DType::bf16) {
      return kernel_->bf16(run, column_at, at);
    }
    const bool streams =
        streams_ && reinterpret_cast<std::uintptr_t>(at) % (line * sizeof(float)) == 0 && run.rows % line == 0;
    (streams ? kernel_->f32_streamed : kernel_->f32)(run, column_at, at);
  }

  void write_row(const PackTile& run, const std::int64_t* column_at, std::byte* at) const {
    for (std::int64_t i = 0; i < run.columns; ++i) {
      from_float({run.values + i, 1}, type_, at + column_at[i] * bytes_of(type_));
    }
  }

  const Source& source_;
  const RowRange rows_;
  const PackedLayout& layout_;
  DType type_;
  std::byte* to_;
  const PackKernel* kernel_;
  std::int64_t gap_ = 0;             ///< columns between the two of a pair; 0 without pairs
  std::vector<std::int64_t> words_;  ///< places of pairs
  std::int64_t width_;               ///< of a tile
  bool streams_;                     ///< columns are whole lines
};

}  // namespace

void pack_matrix(const Source& source, const RowRange& rows, const PackedLayout& layout, DType type, std::byte* to) {
  Packing(source, rows, layout, type, to).all();
}

}  // namespace sumi
