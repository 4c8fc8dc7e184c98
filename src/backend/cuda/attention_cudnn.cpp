#include "backend/cuda/attention_cudnn.h"

#include "backend/cuda/cudnn_choice.h"

namespace sumi::cuda {
namespace {

using Case = AttentionOp::Case;
using Args = AttentionOp::Args;

constexpr std::int64_t alignment = 16;  ///< bytes, which the kernels load at a time without asking

/// (batch, heads, tokens, head_dim) of tokens that lie `stride` elements apart.
CudnnGraph::Extent heads(const Case& c, std::int64_t tokens, std::int64_t stride) {
  return {{c.batch, c.heads, tokens, c.head_dim}, {tokens * stride, c.head_dim, stride, 1}};
}

/// Why cuDNN's kernels would not do; empty where they might.
std::string obstacle(const Case& c, int capability) {
  if (c.x != DType::f16 && c.x != DType::bf16) return fmt::format("reads f16 and bf16, not {}", name_of(c.x));
  if (capability < 80) return "needs compute capability 8.0";
  if (c.causal) return "sees all keys";
  const std::int64_t elements = alignment / static_cast<std::int64_t>(bytes_of(c.x));
  for (const std::int64_t each : {c.head_dim, c.q_stride, c.k_stride, c.v_stride}) {
    if (each % elements != 0)
      return fmt::format("heads and rows of {} elements are not multiples of {}", each, elements);
  }
  return "";
}

class CudnnAttention final : public Implementation<AttentionOp> {
 public:
  CudnnAttention(std::shared_ptr<const Cudnn> cudnn, std::shared_ptr<PlanFile> plans)
      : cudnn_(std::move(cudnn)), plans_(std::move(plans)) {}

  std::string_view name() const override { return "cudnn"; }

  Decision plan(const Case& c) const override {
    if (!cudnn_->missing().empty()) return Declined{"needs cuDNN: " + cudnn_->missing()};
    if (std::string reason = obstacle(c, cudnn_->capability()); !reason.empty()) return Declined{std::move(reason)};
    const auto choice = std::make_shared<CudnnChoice>(
        *cudnn_, *plans_, fmt::format("attention {} strides {} {} {}", c.text(), c.q_stride, c.k_stride, c.v_stride));
    try {
      if (!choice->is_known()) choice->add(0, attention_graph(c), attention_wish());
    } catch (const Error& error) {
      return Declined{error.what()};
    }
    if (!*choice) return Declined{"cuDNN proposes nothing"};
    Plan plan;
    plan.scratch_bytes = choice->scratch_bytes();
    plan.state = choice;
    return plan;
  }

  void run(const Case&, const Plan& plan, const Args& args, std::byte* scratch) const override {
    cudnn_->device().use();
    for (const Tensor& each : {args.q, args.k, args.v, args.y}) {
      check(reinterpret_cast<std::uintptr_t>(each.raw()) % alignment == 0, ErrorCode::internal,
            "attention: a tensor is not aligned to {} bytes", alignment);
    }
    static_cast<const CudnnChoice*>(plan.state.get())->run([&](int, const CudnnPlan& way) {
      run_attention(way, args, scratch);
    });
  }

 private:
  const std::shared_ptr<const Cudnn> cudnn_;
  const std::shared_ptr<PlanFile> plans_;
};

}  // namespace

CudnnGraph attention_graph(const Case& c) {
  CudnnGraph graph;
  const auto q = graph.tensor(attention_q, c.x, heads(c, c.queries, c.q_stride), alignment);
  const auto k = graph.tensor(attention_k, c.x, heads(c, c.keys, c.k_stride), alignment);
  const auto v = graph.tensor(attention_v, c.x, heads(c, c.keys, c.v_stride), alignment);
  const auto y = graph.tensor(attention_y, c.x, heads(c, c.queries, c.heads * c.head_dim), alignment);
  graph.attend(q, k, v, graph.number(attention_scale), y);
  return graph;
}

CudnnWish attention_wish() {
  return {.most_scratch_bytes = std::size_t{16} << 20, .most_compiling = 3, .most_ready = 3};
}

void run_attention(const CudnnPlan& plan, const Args& args, std::byte* scratch) {
  plan.run({{attention_q, args.q.raw()},
            {attention_k, args.k.raw()},
            {attention_v, args.v.raw()},
            {attention_scale, &args.scale},
            {attention_y, args.y.raw()}},
           scratch);
}

void add_cudnn_attention(Operations& operations, std::shared_ptr<const Cudnn> cudnn, std::shared_ptr<PlanFile> plans) {
  operations.add<AttentionOp>(std::make_unique<CudnnAttention>(std::move(cudnn), std::move(plans)));
}

}  // namespace sumi::cuda
