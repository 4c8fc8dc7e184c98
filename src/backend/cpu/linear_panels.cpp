#include <algorithm>
#include <utility>
#include <vector>

#include "backend/cpu/linear_panels_op.h"
#include "core/threads.h"

namespace sumi {

PanelCut PanelLinear::cut(const Case& c) const {
  // Rows laid out stay in the half of an L2 of 1 MiB that a panel leaves. Below 8 register tiles a block reads a weight
  // of int8 faster than memory gives it: 112 rows use a byte in 0.9 cycles. Where rows are too few for all threads
  // panels are divided, 16 to a task at least: rounding a row takes as long as its products with 100 columns in L2,
  // with 200 from memory.
  constexpr std::int64_t most_bytes = 1 << 19, least_panels = 16;
  const PanelKernel& kernel = this->kernel(c);
  PanelCut cut{.panels = divide_up(c.out, width_of(c, kernel)), .threads = threads()};
  const auto row_bytes = static_cast<std::int64_t>(kernel.block_bytes(16, c.in) / 16);
  const std::int64_t least_rows = 8 * kernel.tile_rows, most_rows = std::max(least_rows, most_bytes / row_bytes);
  const std::int64_t rows = std::clamp(divide_up(c.rows, 4 * std::int64_t{cut.threads}), least_rows, most_rows);
  const std::int64_t blocks = divide_up(c.rows, rows), even = divide_up(blocks, cut.threads) * cut.threads;
  cut.block = divide_up(c.rows, 2 * c.rows / even >= least_rows ? even : blocks);
  cut.blocks = divide_up(c.rows, cut.block);
  const std::int64_t groups = std::min(divide_up(cut.threads, cut.blocks), divide_up(cut.panels, least_panels));
  cut.group = divide_up(cut.panels, groups);
  cut.last = std::min<std::int64_t>(cut.blocks, cut.threads);
  cut.last_group = std::min(cut.group, least_panels);
  const std::int64_t words = divide_up(c.in, kernel.per_word);
  cut.panel_bytes = head_bytes() + static_cast<std::size_t>(kernel.panel_columns * words) * kernel.word_bytes;
  cut.thread_bytes = kernel.block_bytes(cut.block, c.in);
  return cut;
}

Decision PanelLinear::plan(const Case& c) const {
  const auto known = [](DType type) { return type == DType::f32 || type == DType::bf16; };
  if (!known(c.x) || !known(c.y)) {
    return Declined{fmt::format("takes f32 and bf16, not {} to {}", name_of(c.x), name_of(c.y))};
  }
  if (c.activation != Activation::none && c.activation != Activation::silu && c.activation != Activation::gelu) {
    return Declined{fmt::format("has no {}", name_of(c.activation))};
  }
  if (c.rows < 1 || c.in < 1 || c.out < 1) return Declined{"nothing to compute"};
  std::string reason = unsuited(c);
  if (!reason.empty()) return Declined{std::move(reason)};
  const PanelCut cut = this->cut(c);
  return Plan{.scratch_bytes = static_cast<std::size_t>(cut.threads) * cut.thread_bytes,
              .layout = layout(c),
              .packed_bytes = static_cast<std::size_t>(cut.panels) * cut.panel_bytes,
              .packed_type = packed_type(c),
              .state = std::make_shared<PanelCut>(cut)};
}

void PanelLinear::run(const Case& c, const Plan& plan, const LinearOp::Args& args, std::byte* scratch) const {
  const PanelCut& cut = cut_of(plan);
  const PanelKernel& kernel = this->kernel(c);
  const auto lay = c.x == DType::f32 ? kernel.lay_f32 : kernel.lay_bf16;
  const auto run = c.y == DType::f32 ? kernel.run_f32 : kernel.run_bf16;
  const std::int64_t coarse = divide_up(cut.panels, cut.group), fine = divide_up(cut.panels, cut.last_group);
  const std::int64_t whole = cut.blocks - cut.last;
  // The row that each thread's block begins with.
  std::vector<std::int64_t> laid(static_cast<std::size_t>(cut.threads), -1);
  parallel_each(whole * coarse + cut.last * fine, cut.threads, [&](std::int64_t number, int thread) {
    const bool last = number >= whole * coarse;
    const std::int64_t groups = last ? fine : coarse, group = last ? cut.last_group : cut.group;
    if (last) number += whole * (fine - coarse);
    const std::int64_t row = number / groups * cut.block, first = number % groups * group;
    const auto at = [&](const Tensor& tensor, std::int64_t columns) {
      return tensor ? tensor.raw() + static_cast<std::size_t>(row * columns) * bytes_of(tensor.dtype()) : nullptr;
    };
    std::byte* block = scratch + static_cast<std::size_t>(thread) * cut.thread_bytes;
    const PanelTask task{.block = block,
                         .rows = std::min(cut.block, c.rows - row),
                         .in = c.in,
                         .panels = args.packed,
                         .panel_bytes = cut.panel_bytes,
                         .first = first,
                         .count = std::min(group, cut.panels - first),
                         .out = c.out,
                         .gated = c.gated,
                         .silu = c.activation == Activation::silu,
                         .gelu = c.activation == Activation::gelu,
                         .bias = reinterpret_cast<const float*>(args.bias.raw()),
                         .residual = at(args.residual, c.out),
                         .y = at(args.y, c.out)};
    if (std::exchange(laid[static_cast<std::size_t>(thread)], row) != row)
      lay(at(args.x, c.in), task.rows, c.in, block);
    run(task);
  });
}

}  // namespace sumi
