#include "backend/cuda/conv2d_cudnn.h"

#include <numeric>

#include "backend/cuda/alignment.h"
#include "backend/cuda/conv2d_finish.h"
#include "backend/cuda/cudnn_choice.h"
#include "backend/cuda/pack.h"

namespace sumi::cuda {
namespace {

using Case = Conv2dOp::Case;
using Args = Conv2dOp::Args;
using Extent = CudnnGraph::Extent;

/// Channels last, in cuDNN's order of axes; of a picture `apart` times as high and wide, pixels as far apart.
Extent pictures(std::int64_t batch, std::int64_t channels, std::int64_t height, std::int64_t width,
                std::int64_t apart = 1) {
  const std::int64_t line = apart * width * channels;
  return {{batch, channels, height, width}, {apart * height * line, 1, apart * line, apart * channels}};
}

/// A value for each channel, the same for all pixels; for each picture, or the same for all.
Extent channel_values(std::int64_t batch, std::int64_t channels) {
  return {{batch, channels, 1, 1}, {channels, 1, channels, channels}};
}

constexpr std::int64_t alignment = 16;  ///< bytes, as much as a thread loads at a time

/// Of the beginnings of pictures of so many elements, or of rows.
std::int64_t alignment_of(std::int64_t elements, DType type) {
  return std::gcd(elements * static_cast<std::int64_t>(bytes_of(type)), alignment);
}

bool has_more_than_sums(const Case& c) {
  return c.bias || c.row || c.residual || c.activation != Activation::none || c.x != c.y;
}

/// Of sums that cannot lie where y will, so that what follows is aligned as scratch is.
std::size_t sums_bytes(const Case& c) {
  if (c.x == c.y) return 0;
  const auto values = static_cast<std::size_t>(c.batch * c.out_height() * c.out_width() * c.out_channels);
  return aligned(values * bytes_of(c.x));
}

std::string key_of(const Case& c, bool tf32) {
  return fmt::format("conv2d {}{} padding {} {} {} {}{}", c.text(), c.bias ? " +bias" : "", c.padding.top,
                     c.padding.left, c.padding.bottom, c.padding.right, tf32 && c.x == DType::f32 ? " tf32" : "");
}

/// The graph of a case: a chain of operations, of which the last one's result alone reaches memory.
class Conv2dChain {
 public:
  Conv2dChain(const Case& c, Conv2dPart part, std::int64_t apart)
      : c_(c), all_(part == Conv2dPart::all), apart_(apart), steps_(all_ ? steps_of(c) : 1) {
    convolve();
    if (all_) finish();
  }
  CudnnGraph take() { return std::move(graph_); }

 private:
  using Node = CudnnGraph::Node;

  static int steps_of(const Case& c) { return 1 + c.bias + c.row + (c.activation != Activation::none) + c.residual; }

  void convolve() {
    const Node x = graph_.tensor(conv2d_x, c_.x, pictures(c_.batch, c_.in_channels, c_.height, c_.width),
                                 alignment_of(c_.height * c_.width * c_.in_channels, c_.x));
    const Node weight = graph_.tensor(conv2d_weight, weight_type(c_),
                                      pictures(c_.out_channels, c_.in_channels, c_.kernel, c_.kernel), alignment);
    value_ = next();
    graph_.convolve(x, weight,
                    {.before = {c_.padding.top, c_.padding.left},
                     .after = {c_.padding.bottom, c_.padding.right},
                     .strides = {c_.stride, c_.stride}},
                    value_);
  }

  void finish() {
    if (c_.bias) plus(graph_.tensor(conv2d_bias, DType::f32, channel_values(1, c_.out_channels), alignment));
    if (c_.row) {
      plus(graph_.tensor(conv2d_row, c_.x, channel_values(c_.batch, c_.out_channels),
                         alignment_of(c_.out_channels, c_.x)));
    }
    if (c_.activation == Activation::silu) {
      const Node activated = next();
      graph_.silu(value_, activated);
      value_ = activated;
    }
    if (c_.residual) plus(graph_.tensor(conv2d_residual, c_.y, out(1), alignment_of(picture(), c_.y)));
  }

  void plus(Node more) {
    const Node sum = next();
    graph_.add(value_, more, sum);
    value_ = sum;
  }

  /// Where the next operation puts its result.
  Node next() {
    if (--steps_ > 0) return graph_.between(out(1));
    const DType type = all_ ? c_.y : c_.x;
    return graph_.tensor(conv2d_y, type, out(apart_), alignment_of(apart_ > 1 ? c_.out_channels : picture(), type));
  }

  Extent out(std::int64_t apart) const {
    return pictures(c_.batch, c_.out_channels, c_.out_height(), c_.out_width(), apart);
  }
  std::int64_t picture() const { return c_.out_height() * c_.out_width() * c_.out_channels; }

  const Case& c_;
  const bool all_;
  const std::int64_t apart_;
  int steps_;  ///< still to come
  CudnnGraph graph_;
  Node value_ = 0;
};

}  // namespace

bool has_conv2d_graph(const Case& c, Conv2dPart part) {
  if (part == Conv2dPart::sums) return has_more_than_sums(c);
  return c.activation == Activation::none || c.activation == Activation::silu;
}

CudnnGraph conv2d_graph(const Case& c, Conv2dPart part, std::int64_t apart) {
  return Conv2dChain(c, part, apart).take();
}

/// Engines for all of a case have their kernel compiled, for Turing in some 2 s, so few are tried; those for the sums
/// come with cuDNN. On tensor cores those that want more scratch than some padding of channels transform all of x; in
/// float32 there is little else.
CudnnWish conv2d_wish(const Cudnn& cudnn, const Case& c, Conv2dPart part) {
  const bool fused = part == Conv2dPart::all && has_more_than_sums(c);
  return {.tensor_cores = c.x != DType::f32 || cudnn.tf32(),
          .winograd = c.x == DType::f32,
          .most_scratch_bytes = std::size_t{c.x == DType::f32 ? 64u : 16u} << 20,
          .most_compiling = fused ? (cudnn.capability() >= 80 ? 3 : 1) : 0,
          .most_ready = 5};
}

void run_conv2d(const Cudnn& cudnn, const Case& c, Conv2dPart part, const CudnnPlan& plan, const Args& args,
                std::byte* sums, std::byte* scratch) {
  CudnnPlan::Memory memory{{conv2d_x, args.x.raw()}, {conv2d_weight, args.packed}};
  if (part == Conv2dPart::sums) {
    memory.emplace_back(conv2d_y, sums);
    plan.run(memory, scratch);
    return finish_conv2d(cudnn.device(), c, args, sums);
  }
  memory.emplace_back(conv2d_y, args.y.raw());
  if (c.bias) memory.emplace_back(conv2d_bias, args.bias.raw());
  if (c.row) memory.emplace_back(conv2d_row, args.row.raw());
  if (c.residual) memory.emplace_back(conv2d_residual, args.residual.raw());
  plan.run(memory, scratch);
}

namespace {

class CudnnConv2d final : public Implementation<Conv2dOp> {
 public:
  CudnnConv2d(std::shared_ptr<const Cudnn> cudnn, std::shared_ptr<PlanFile> plans)
      : cudnn_(std::move(cudnn)), plans_(std::move(plans)) {}

  std::string_view name() const override { return "cudnn"; }

  Decision plan(const Case& c) const override {
    if (!cudnn_->missing().empty()) return Declined{"needs cuDNN: " + cudnn_->missing()};
    if (c.upsampled) return Declined{"cuDNN does not upsample x"};
    if (c.x == DType::bf16 && cudnn_->capability() < 80) {
      return Declined{"needs compute capability 8.0 for bf16"};
    }
    const auto choice = std::make_shared<CudnnChoice>(*cudnn_, *plans_, key_of(c, cudnn_->tf32()));
    std::string refusal = "cuDNN proposes nothing";
    for (const Conv2dPart part : {Conv2dPart::all, Conv2dPart::sums}) {
      if (choice->is_known() || !has_conv2d_graph(c, part)) continue;
      try {
        choice->add(static_cast<int>(part), conv2d_graph(c, part), conv2d_wish(*cudnn_, c, part));
      } catch (const Error& error) {
        refusal = error.what();
      }
    }
    if (!*choice) return Declined{refusal};
    Plan plan = weight_plan(c);
    plan.scratch_bytes = sums_bytes(c) + choice->scratch_bytes();
    plan.state = choice;
    return plan;
  }

  void run(const Case& c, const Plan& plan, const Args& args, std::byte* scratch) const override {
    cudnn_->device().use();
    std::byte* const sums = c.x == c.y ? args.y.raw() : scratch;
    std::byte* const workspace = scratch ? scratch + sums_bytes(c) : nullptr;
    static_cast<const CudnnChoice*>(plan.state.get())->run([&](int part, const CudnnPlan& way) {
      run_conv2d(*cudnn_, c, static_cast<Conv2dPart>(part), way, args, sums, workspace);
    });
  }

  void pack(const Case& c, const Plan&, const Source& source, std::byte* to) const override {
    cuda::pack(c, source, to);
  }

 private:
  const std::shared_ptr<const Cudnn> cudnn_;
  const std::shared_ptr<PlanFile> plans_;
};

}  // namespace

void add_cudnn_conv2d(Operations& operations, std::shared_ptr<const Cudnn> cudnn, std::shared_ptr<PlanFile> plans) {
  operations.add<Conv2dOp>(std::make_unique<CudnnConv2d>(std::move(cudnn), std::move(plans)));
}

}  // namespace sumi::cuda
