#include <algorithm>

#include "backend/cpu/attention_flash.h"
#include "backend/cpu/kernels.h"
#include "core/threads.h"

namespace sumi {
namespace {

using Case = AttentionOp::Case;
using Args = AttentionOp::Args;

/// How a case is cut into tasks: blocks of queries of one head.
struct Cut {
  std::int64_t queries;      ///< of a block
  std::int64_t blocks;       ///< of a head
  int threads;               ///< that scratch memory was booked for
  std::size_t thread_bytes;  ///< of scratch memory
};

Cut cut(const Case& c, const FlashKernel& kernel) {
  // A block reads and packs all keys of its head. So it is as large as it may be while every thread has four, which
  // keeps the wait for the last one short; but not below four panels while every thread has one.
  const std::int64_t panels = divide_up(c.queries, kernel.panel);
  const std::int64_t share = panels * c.batch * c.heads / threads();
  const std::int64_t block = std::clamp<std::int64_t>(std::max(share / 4, std::min<std::int64_t>(share, 4)), 1,
                                                      std::min(panels, kernel.most_panels(c.head_dim)));
  return {.queries = block * kernel.panel,
          .blocks = divide_up(panels, block),
          .threads = threads(),
          .thread_bytes = kernel.scratch_bytes(c.head_dim, block)};
}

FlashTask task_of(const Case& c, const Args& args, const Cut& cut, std::int64_t number) {
  const std::int64_t first = number % cut.blocks * cut.queries;
  const std::int64_t head = number / cut.blocks % c.heads, n = number / cut.blocks / c.heads;
  const std::int64_t y_stride = c.heads * c.head_dim;
  const auto row = [&](const Tensor& x, std::int64_t token, std::int64_t stride) {
    return x.raw() + static_cast<std::size_t>(token * stride + head * c.head_dim) * bytes_of(c.x);
  };
  return {.q = row(args.q, n * c.queries + first, c.q_stride),
          .k = row(args.k, n * c.keys, c.k_stride),
          .v = row(args.v, n * c.keys, c.v_stride),
          .y = row(args.y, n * c.queries + first, y_stride),
          .q_stride = c.q_stride,
          .k_stride = c.k_stride,
          .v_stride = c.v_stride,
          .y_stride = y_stride,
          .head_dim = c.head_dim,
          .queries = std::min(cut.queries, c.queries - first),
          .keys = c.keys,
          .first_query = first,
          .causal = c.causal,
          .scale = args.scale};
}

class FlashAttention : public Implementation<AttentionOp> {
 public:
  /// `f32` may be null.
  FlashAttention(std::string_view name, const FlashKernel* f32, const FlashKernel* bf16)
      : name_(name), f32_(f32), bf16_(bf16) {}

  std::string_view name() const override { return name_; }

  Decision plan(const Case& c) const override {
    const FlashKernel* kernel = kernel_of(c.x);
    if (!kernel) return Declined{fmt::format("computes {}bf16, not {}", f32_ ? "f32 and " : "", name_of(c.x))};
    if (c.keys < 1 || c.queries < 1 || c.batch < 1) return Declined{"nothing to attend to"};
    const Cut cut = sumi::cut(c, *kernel);
    return Plan{.scratch_bytes = static_cast<std::size_t>(cut.threads) * cut.thread_bytes,
                .state = std::make_shared<Cut>(cut)};
  }

  void run(const Case& c, const Plan& plan, const Args& args, std::byte* scratch) const override {
    const Cut& cut = *static_cast<const Cut*>(plan.state.get());
    const FlashKernel& kernel = *kernel_of(c.x);
    const std::int64_t tasks = c.batch * c.heads * cut.blocks;
    parallel_each(tasks, cut.threads, [&](std::int64_t number, int thread) {
      kernel.run(task_of(c, args, cut, number), scratch + static_cast<std::size_t>(thread) * cut.thread_bytes);
    });
  }

 private:
  const FlashKernel* kernel_of(DType type) const {
    return type == DType::f32 ? f32_ : type == DType::bf16 ? bf16_ : nullptr;
  }

  std::string_view name_;
  const FlashKernel *f32_, *bf16_;
};

}  // namespace

void add_attention(Operations& operations, Isa isa) {
  const auto add = [&](std::string_view name, const FlashKernel* f32, const FlashKernel* bf16) {
    operations.add<AttentionOp>(std::make_unique<FlashAttention>(name, f32, bf16));
  };
#if defined(__x86_64__)
  if (isa >= Isa::avx512bf16) add("flash-avx512bf16", nullptr, &avx512bf16::flash_bf16_pairs);
  if (isa >= Isa::avx512) {
    add("flash-avx512", &avx512::flash_f32, &avx512::flash_bf16);
    // Without an instruction for pairs, products of widened values were 1.2 to 1.5 times as fast.
    add("flash-pairs-avx512", nullptr, &avx512::flash_bf16_pairs);
  }
  if (isa >= Isa::avx2) add("flash-avx2", &avx2::flash_f32, &avx2::flash_bf16);
#elif defined(__aarch64__)
  if (isa >= Isa::neon) add("flash-neon", &neon::flash_f32, &neon::flash_bf16);
#endif
}

}  // namespace sumi
