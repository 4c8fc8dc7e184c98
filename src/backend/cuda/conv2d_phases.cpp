#include "backend/cuda/conv2d_phases.h"

#include <algorithm>
#include <array>

#include "backend/cuda/alignment.h"
#include "backend/cuda/conv2d_cudnn.h"
#include "backend/cuda/cudnn_choice.h"
#include "backend/cuda/pack.h"

namespace sumi::cuda {
namespace {

using Case = Conv2dOp::Case;
using Args = Conv2dOp::Args;

constexpr std::int64_t taps = 2;  ///< along an axis

/// Which of the pixels two by two.
struct Phase {
  std::int64_t row, column;
};
constexpr std::array<Phase, 4> phases = {{{0, 0}, {0, 1}, {1, 0}, {1, 1}}};

/// The filters of a phase, as if a file had them: sums of the taps that see the same pixel.
class PhaseSource final : public Source {
 public:
  PhaseSource(const Source& whole, Phase phase)
      : Source({whole.shape()[0], whole.shape()[1], taps, taps}, DType::f32), whole_(whole), phase_(phase) {}

  void read(std::int64_t first, std::span<float> out) const override {
    const std::int64_t columns = columns_of(shape());
    for (std::size_t i = 0; i < out.size(); ++i) {
      const std::int64_t at = first + static_cast<std::int64_t>(i), channel = at % columns / (taps * taps);
      std::array<float, taps * taps> values;
      read_tile({at / columns, 1, channel * taps * taps, taps * taps}, values.data(), 0);
      out[i] = values[static_cast<std::size_t>(at % (taps * taps))];
    }
  }
  /// Of whole filters.
  void read_tile(const Tile& tile, float* out, std::int64_t stride) const override {
    const std::int64_t channels = tile.columns / (taps * taps), columns = channels * 9;
    std::vector<float> from(static_cast<std::size_t>(tile.rows * columns));
    whole_.read_tile({tile.row, tile.rows, tile.column / (taps * taps) * 9, columns}, from.data(), columns);
    for (std::int64_t row = 0; row < tile.rows; ++row) {
      for (std::int64_t c = 0; c < channels; ++c) {
        sum(from.data() + row * columns + c * 9, out + row * stride + c * taps * taps);
      }
    }
  }

 private:
  void sum(const float* filter, float* to) const {
    std::fill_n(to, taps * taps, 0.0f);
    for (std::int64_t u = 0; u < 3; ++u) {
      for (std::int64_t v = 0; v < 3; ++v) to[seen(u, phase_.row) * taps + seen(v, phase_.column)] += filter[u * 3 + v];
    }
  }
  /// Which of the two pixels a tap sees.
  static std::int64_t seen(std::int64_t tap, std::int64_t phase) { return (tap + phase + 1) / 2 - phase; }

  const Source& whole_;
  const Phase phase_;
};

/// What a phase's convolution is but for where its y lies.
Case of_phase(Case c, Phase phase) {
  c.kernel = taps;
  c.upsampled = false;
  c.padding = {.top = 1 - phase.row, .left = 1 - phase.column, .bottom = phase.row, .right = phase.column};
  return c;
}

std::string key_of(const Case& c, Phase phase, bool tf32) {
  return fmt::format("conv2d {}{} phase {} {}{}", c.text(), c.bias ? " +bias" : "", phase.row, phase.column,
                     tf32 && c.x == DType::f32 ? " tf32" : "");
}

class CudnnPhases final : public Implementation<Conv2dOp> {
  using Choices = std::vector<std::unique_ptr<CudnnChoice>>;

 public:
  CudnnPhases(std::shared_ptr<const Cudnn> cudnn, std::shared_ptr<PlanFile> plans)
      : cudnn_(std::move(cudnn)), plans_(std::move(plans)) {}

  std::string_view name() const override { return "cudnn-phases"; }

  Decision plan(const Case& c) const override {
    if (!cudnn_->missing().empty()) return Declined{"needs cuDNN: " + cudnn_->missing()};
    if (!c.upsampled) return Declined{"upsamples x"};
    if (c.kernel != 3 || c.stride != 1 || c.padding != Conv2dOp::Padding{1, 1, 1, 1}) {
      return Declined{"takes 3 x 3 taps in steps of 1, padded by 1"};
    }
    if (c.row || c.residual || c.activation != Activation::none) return Declined{"adds a bias alone"};
    if (c.x == DType::bf16 && cudnn_->capability() < 80) {
      return Declined{"needs compute capability 8.0 for bf16"};
    }
    return planned(c);
  }

  void run(const Case& c, const Plan& plan, const Args& args, std::byte* scratch) const override {
    cudnn_->device().use();
    const auto& choices = *static_cast<const Choices*>(plan.state.get());
    for (std::size_t i = 0; i < phases.size(); ++i) {
      const std::int64_t pixel = phases[i].row * 2 * c.width + phases[i].column;
      const std::byte* y = args.y.raw() + static_cast<std::size_t>(pixel * c.out_channels) * bytes_of(c.y);
      CudnnPlan::Memory memory{
          {conv2d_x, args.x.raw()}, {conv2d_weight, args.packed + i * phase_bytes(c)}, {conv2d_y, y}};
      if (c.bias) memory.emplace_back(conv2d_bias, args.bias.raw());
      choices[i]->run([&](int, const CudnnPlan& way) { way.run(memory, scratch); });
    }
  }

  void pack(const Case& c, const Plan&, const Source& source, std::byte* to) const override {
    for (const Phase phase : phases) {
      cuda::pack(of_phase(c, phase), PhaseSource(source, phase), to);
      to += phase_bytes(c);
    }
  }

 private:
  Decision planned(const Case& c) const {
    Plan plan = weight_plan(c);
    plan.layout += "-phases";
    plan.packs_rows = false;
    plan.packed_bytes = phases.size() * phase_bytes(c);
    const auto choices = std::make_shared<Choices>();
    for (const Phase phase : phases) {
      auto choice = std::make_unique<CudnnChoice>(*cudnn_, *plans_, key_of(c, phase, cudnn_->tf32()));
      try {
        const Case part = of_phase(c, phase);
        CudnnWish wish = conv2d_wish(*cudnn_, part, Conv2dPart::all);
        wish.most_compiling = std::min(wish.most_compiling, 2);  // each for four phases
        if (!choice->is_known()) choice->add(0, conv2d_graph(part, Conv2dPart::all, 2), wish);
      } catch (const Error& error) {
        return Declined{error.what()};
      }
      if (!*choice) return Declined{"cuDNN proposes nothing"};
      plan.scratch_bytes = std::max(plan.scratch_bytes, choice->scratch_bytes());
      choices->push_back(std::move(choice));
    }
    plan.state = choices;
    return plan;
  }
  /// A multiple of what cuDNN loads at a time.
  static std::size_t phase_bytes(const Case& c) {
    const auto values = static_cast<std::size_t>(c.out_channels * c.in_channels * taps * taps);
    return aligned(values * bytes_of(weight_type(c)));
  }

  const std::shared_ptr<const Cudnn> cudnn_;
  const std::shared_ptr<PlanFile> plans_;
};

}  // namespace

void add_cudnn_phases(Operations& operations, std::shared_ptr<const Cudnn> cudnn, std::shared_ptr<PlanFile> plans) {
  operations.add<Conv2dOp>(std::make_unique<CudnnPhases>(std::move(cudnn), std::move(plans)));
}

}  // namespace sumi::cuda
