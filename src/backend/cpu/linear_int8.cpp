#include "backend/cpu/linear_int8.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "backend/cpu/kernels.h"
#include "core/threads.h"
#include "ops/int8.h"

namespace sumi {
namespace {

using Case = LinearOp::Case;
using Args = LinearOp::Args;

/// Products of 127 * 127 whose sum, and what it begins with, fit 32 bits.
constexpr std::int64_t most_inputs = 1 << 17;

/// How a case is cut into tasks: a block of rows with a group of panels, for which the task rounds the rows itself.
struct Cut {
  std::int64_t block, blocks;  ///< rows of one, blocks
  std::int64_t panels, group;  ///< of all, of a task
  std::size_t panel_bytes;     ///< of packed weights
  std::size_t thread_bytes;    ///< of rounded rows
  int threads;                 ///< that scratch memory was booked for
};

/// Columns of y that a panel has.
std::int64_t width_of(const Case& c, const Int8Kernel& kernel) {
  return c.gated ? kernel.panel_columns / 2 : kernel.panel_columns;
}

Cut cut(const Case& c, const Int8Kernel& kernel) {
  // Rounded rows stay in the half of an L2 of 1 MiB that a panel of 5120 inputs leaves. Below 8 register tiles a block
  // reads the weight faster than memory gives it: 112 rows use a byte in 0.9 cycles. Where rows are too few for all
  // threads panels are divided, 16 to a task at least: rounding a row takes as long as its products with 100 columns in
  // L2, with 200 from memory.
  constexpr std::int64_t block_bytes = 1 << 19, least_panels = 16;
  Cut cut{.panels = divide_up(c.out, width_of(c, kernel)), .threads = threads()};
  const auto row_bytes = static_cast<std::int64_t>(kernel.block_bytes(16, c.in) / 16);
  const std::int64_t least_rows = 8 * kernel.tile_rows, most_rows = std::max(least_rows, block_bytes / row_bytes);
  const std::int64_t rows = std::clamp(divide_up(c.rows, 4 * std::int64_t{cut.threads}), least_rows, most_rows);
  const std::int64_t blocks = divide_up(c.rows, rows), even = divide_up(blocks, cut.threads) * cut.threads;
  cut.block = divide_up(c.rows, 2 * c.rows / even >= least_rows ? even : blocks);
  cut.blocks = divide_up(c.rows, cut.block);
  const std::int64_t groups = std::min(divide_up(cut.threads, cut.blocks), divide_up(cut.panels, least_panels));
  cut.group = divide_up(cut.panels, groups);
  const std::int64_t words = divide_up(c.in, kernel.per_word);
  cut.panel_bytes = static_cast<std::size_t>(kernel.panel_columns * (8 + words * kernel.per_word));
  cut.thread_bytes = kernel.block_bytes(cut.block, c.in);
  return cut;
}

/// Rows of the weight as the columns of a panel, from column `first` on.
void pack_columns(const Case& c, const Int8Kernel& kernel, std::int64_t first, std::int64_t count,
                  std::vector<float>& rows, std::byte* panel) {
  auto* steps = reinterpret_cast<float*>(panel);
  auto* starts = reinterpret_cast<std::int32_t*>(steps + kernel.panel_columns);
  auto* words = reinterpret_cast<std::int8_t*>(starts + kernel.panel_columns);
  for (std::int64_t i = 0; i < count; ++i) {
    const std::span row(rows.data() + i * c.in, static_cast<std::size_t>(c.in));
    steps[first + i] = round_to_int8(row);
    std::int64_t sum = 0;
    for (std::int64_t k = 0; k < c.in; ++k) {
      const auto value = static_cast<std::int8_t>(row[static_cast<std::size_t>(k)]);
      sum += value;
      words[(k / kernel.per_word * kernel.panel_columns + first + i) * kernel.per_word + k % kernel.per_word] = value;
    }
    starts[first + i] = static_cast<std::int32_t>(-kernel.start_of_one * sum);
  }
}

class Int8Linear : public Implementation<LinearOp> {
 public:
  Int8Linear(std::string_view name, const Int8Kernel& kernel) : name_(name), kernel_(kernel) {}

  std::string_view name() const override { return name_; }

  Decision plan(const Case& c) const override {
    const auto known = [](DType type) { return type == DType::f32 || type == DType::bf16; };
    if (!c.int8) return Declined{"computes int8"};
    if (!known(c.x) || !known(c.y)) {
      return Declined{fmt::format("takes f32 and bf16, not {} to {}", name_of(c.x), name_of(c.y))};
    }
    if (c.activation != Activation::none && c.activation != Activation::silu && c.activation != Activation::gelu) {
      return Declined{fmt::format("has no {}", name_of(c.activation))};
    }
    if (c.rows < 1 || c.in < 1 || c.out < 1) return Declined{"nothing to compute"};
    if (c.in > most_inputs) return Declined{fmt::format("sums of more than {} products need 64 bits", most_inputs)};
    const Cut cut = sumi::cut(c, kernel_);
    return Plan{.scratch_bytes = static_cast<std::size_t>(cut.threads) * cut.thread_bytes,
                .layout = fmt::format("int8 panels of {} words of {}{}", kernel_.panel_columns, kernel_.per_word,
                                      c.gated ? ", values and gates" : ""),
                .packed_bytes = static_cast<std::size_t>(cut.panels) * cut.panel_bytes,
                .state = std::make_shared<Cut>(cut)};
  }

  void pack(const Case& c, const Plan& plan, const Source& source, std::byte* to) const override {
    const Cut& cut = *static_cast<const Cut*>(plan.state.get());
    const std::int64_t width = width_of(c, kernel_);
    parallel_each(cut.panels, threads(), [&](std::int64_t number, int) {
      std::byte* panel = to + static_cast<std::size_t>(number) * cut.panel_bytes;
      std::memset(panel, 0, cut.panel_bytes);
      const std::int64_t first = number * width, count = std::min(width, c.out - first);
      std::vector<float> rows(static_cast<std::size_t>(count * c.in));
      for (std::int64_t half = 0; half < (c.gated ? 2 : 1); ++half) {
        source.read((half * c.out + first) * c.in, rows);
        pack_columns(c, kernel_, half * width, count, rows, panel);
      }
    });
  }

  void run(const Case& c, const Plan& plan, const Args& args, std::byte* scratch) const override {
    const Cut& cut = *static_cast<const Cut*>(plan.state.get());
    const auto groups = divide_up(cut.panels, cut.group);
    parallel_each(cut.blocks * groups, cut.threads, [&](std::int64_t number, int thread) {
      const std::int64_t row = number / groups * cut.block, first = number % groups * cut.group;
      const auto at = [&](const Tensor& tensor, std::int64_t columns) {
        return tensor ? tensor.raw() + static_cast<std::size_t>(row * columns) * bytes_of(tensor.dtype()) : nullptr;
      };
      std::byte* block = scratch + static_cast<std::size_t>(thread) * cut.thread_bytes;
      const Int8Task task{.block = block,
                          .rows = std::min(cut.block, c.rows - row),
                          .in = c.in,
                          .panels = args.packed,
                          .first = first,
                          .count = std::min(cut.group, cut.panels - first),
                          .out = c.out,
                          .gated = c.gated,
                          .silu = c.activation == Activation::silu,
                          .gelu = c.activation == Activation::gelu,
                          .bias = reinterpret_cast<const float*>(args.bias.raw()),
                          .residual = at(args.residual, c.out),
                          .y = at(args.y, c.out)};
      (c.x == DType::f32 ? kernel_.round_f32 : kernel_.round_bf16)(at(args.x, c.in), task.rows, c.in, block);
      (c.y == DType::f32 ? kernel_.run_f32 : kernel_.run_bf16)(task);
    });
  }

 private:
  std::string_view name_;
  const Int8Kernel& kernel_;
};

}  // namespace

void add_int8(Operations& operations, Isa isa) {
  const auto add = [&](std::string_view name, const Int8Kernel& kernel) {
    operations.add<LinearOp>(std::make_unique<Int8Linear>(name, kernel));
  };
  if (isa >= Isa::avx512vnni) add("int8-avx512vnni", avx512vnni::int8_kernel);
  if (isa >= Isa::avx2) add("int8-avx2", avx2::int8_kernel);
}

}  // namespace sumi
