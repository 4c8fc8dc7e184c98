#include "backend/cpu/conv2d_winograd.h"

#include <algorithm>

#include "backend/cpu/kernels.h"
#include "backend/cpu/pack.h"
#include "core/threads.h"

namespace sumi {
namespace {

using Case = Conv2dOp::Case;
using Args = Conv2dOp::Args;

constexpr std::int64_t taps = 9;
/// With fewer, transforms are most of the work, and in float32 their error stands out from that of the sum.
constexpr std::int64_t least_channels = 32;

/// How a case is cut into tasks. With many groups of tiles to a thread, a task is one of them with all filters, which
/// were transformed before. Else it is a group with a block of filters, which it transforms itself; the inputs of a
/// wave's groups are transformed by all threads first, and each wave uses the same memory.
struct Cut {
  WinogradShape shape;
  std::int64_t tiles;         ///< of all pictures
  std::int64_t group;         ///< tiles of a group
  std::int64_t groups;        ///< of all pictures
  std::int64_t wave;          ///< groups of a wave; 0 where tasks are whole groups
  std::int64_t blocks;        ///< of filters
  int threads;                ///< that scratch memory was booked for
  std::int64_t group_words;   ///< of a group's transformed inputs
  std::int64_t filter_words;  ///< of a block of transformed filters; 0 where tasks transform them
  std::size_t shared_bytes;   ///< of transformed inputs and filters
  std::size_t thread_bytes;   ///< of working memory
};

Cut cut(const Case& c, const WinogradKernel& kernel) {
  // Filters are transformed once a group: groups are as large as the kernel allows while every thread has four tasks,
  // but not below the tiles whose products take six times as long.
  const auto least_tiles = static_cast<std::int64_t>(6 * kernel.costs.filters);
  Cut cut{.shape = {.height = c.height,
                    .width = c.width,
                    .channels = c.in_channels,
                    .out_height = c.out_height(),
                    .out_width = c.out_width(),
                    .out_channels = c.out_channels,
                    .top = c.padding.top,
                    .left = c.padding.left},
          .blocks = divide_up(c.out_channels, kernel.filters),
          .threads = threads()};
  const std::int64_t tasks = 4 * std::int64_t{cut.threads};
  cut.tiles = c.batch * cut.shape.tiles(kernel.tile);
  const bool many = cut.tiles >= 2 * tasks * kernel.own_tiles;
  const std::int64_t most =
      many ? kernel.own_tiles : std::clamp(cut.tiles * cut.blocks / tasks, least_tiles, kernel.most_tiles);
  const std::int64_t share = many ? cut.threads : 1;  // groups are dealt out evenly
  cut.group = divide_up(cut.tiles, divide_up(divide_up(cut.tiles, most), share) * share);
  cut.groups = divide_up(cut.tiles, cut.group);
  cut.wave = many ? 0 : std::min(cut.groups, divide_up(tasks, cut.blocks));
  cut.group_words = kernel.input_words(c.in_channels, cut.group);
  cut.filter_words = many ? kernel.filter_words(c.in_channels) : 0;
  const std::int64_t inputs = many ? cut.threads : cut.wave;
  cut.shared_bytes = static_cast<std::size_t>(inputs * cut.group_words + cut.blocks * cut.filter_words) * sizeof(float);
  cut.thread_bytes = kernel.scratch_bytes(cut.group);
  return cut;
}

/// One call.
struct Run {
  const Cut& cut;
  const WinogradKernel& kernel;
  const Args& args;
  std::byte* scratch;
  std::size_t filter_bytes;  ///< of a block, packed
  WinogradEpilogue epilogue;

  void whole_groups() const {
    float* transformed = inputs(cut.threads);
    parallel_each(cut.blocks, cut.threads, [&](std::int64_t block, int) {
      kernel.transform_filters(cut.shape.channels, packed(block), transformed + block * cut.filter_words);
    });
    parallel_each(cut.groups, cut.threads, [&](std::int64_t number, int thread) {
      WinogradTask task = group(number, inputs(thread));
      kernel.transform(cut.shape, args.x.raw(), task.first, task.count, 0, task.count, inputs(thread));
      for (std::int64_t block = 0; block < cut.blocks; ++block) {
        task.transformed = transformed + block * cut.filter_words;
        multiply(task, block, thread);
      }
    });
  }

  void waves() const {
    for (std::int64_t first = 0; first < cut.groups; first += cut.wave) {
      const std::int64_t groups = std::min(cut.wave, cut.groups - first), begin = first * cut.group;
      parallel_for(std::min(groups * cut.group, cut.tiles - begin), 1, [&](std::int64_t from, std::int64_t to) {
        for (std::int64_t i = from; i < to;) {
          const WinogradTask task = group(first + i / cut.group, inputs(i / cut.group));
          const std::int64_t place = i % cut.group, tiles = std::min(task.count - place, to - i);
          kernel.transform(cut.shape, args.x.raw(), begin + i, tiles, place, task.count, inputs(i / cut.group));
          i += tiles;
        }
      });
      // Threads that work at the same time share a group's inputs.
      parallel_each(groups * cut.blocks, cut.threads, [&](std::int64_t number, int thread) {
        const std::int64_t place = number / cut.blocks;
        multiply(group(first + place, inputs(place)), number % cut.blocks, thread);
      });
    }
  }

 private:
  /// Of the group at a place of the shared memory.
  float* inputs(std::int64_t place) const { return reinterpret_cast<float*>(scratch) + place * cut.group_words; }

  const std::byte* packed(std::int64_t block) const {
    return args.packed + static_cast<std::size_t>(block) * filter_bytes;
  }

  WinogradTask group(std::int64_t number, const float* transformed) const {
    const std::int64_t first = number * cut.group;
    return {.inputs = transformed, .first = first, .count = std::min(cut.group, cut.tiles - first), .y = args.y.raw()};
  }

  void multiply(WinogradTask task, std::int64_t block, int thread) const {
    task.filters = packed(block);
    task.first_filter = block * kernel.filters;
    kernel.run(cut.shape, epilogue, task,
               scratch + cut.shared_bytes + static_cast<std::size_t>(thread) * cut.thread_bytes);
  }
};

enum class Input { plain, upsampled };

/// The kernels of one instruction set; either may be null.
struct Kernels {
  const WinogradKernel *f32, *bf16;
};

class WinogradConvolution : public Implementation<Conv2dOp> {
 public:
  WinogradConvolution(std::string_view name, Input input, const Kernels& kernels)
      : name_(name), input_(input), f32_(kernels.f32), bf16_(kernels.bf16) {}

  std::string_view name() const override { return name_; }

  Decision plan(const Case& c) const override {
    const WinogradKernel* kernel = kernel_of(c);
    if (!kernel) {
      return Declined{fmt::format("computes {}{}{}, not {} to {}", f32_ ? "f32" : "", f32_ && bf16_ ? " and " : "",
                                  bf16_ ? "bf16" : "", name_of(c.x), name_of(c.y))};
    }
    if (c.kernel != 3 || c.stride != 1) return Declined{"computes 3 x 3 taps without a stride"};
    if (c.upsampled != (input_ == Input::upsampled)) return Declined{c.upsampled ? "takes x as it is" : "upsamples x"};
    if (c.upsampled && c.padding != Conv2dOp::Padding{1, 1, 1, 1}) return Declined{"has no padding but 1"};
    if (c.activation != Activation::none && c.activation != Activation::silu && c.activation != Activation::relu &&
        c.activation != Activation::leaky_relu) {
      return Declined{fmt::format("has no {}", name_of(c.activation))};
    }
    if (c.batch < 1 || c.out_height() < 1 || c.out_width() < 1) return Declined{"nothing to compute"};
    const Cut cut = sumi::cut(c, *kernel);
    if (!worthwhile(c, cut, *kernel)) return Declined{"too small: direct convolution is faster"};
    return Plan{.scratch_bytes = cut.shared_bytes + static_cast<std::size_t>(cut.threads) * cut.thread_bytes,
                .layout = fmt::format("winograd blocks of {} {}{}", kernel->filters, name_of(c.x),
                                      kernel->per_word == 2 ? " pairs" : ""),
                .packed_bytes = static_cast<std::size_t>(cut.blocks) * block_bytes(c, *kernel),
                .packed_type = c.x,
                .state = std::make_shared<Cut>(cut)};
  }

  /// [block][word][tap][filter][channel of the word].
  void pack(const Case& c, const Plan& plan, const Source& source, std::byte* to) const override {
    const WinogradKernel& kernel = *kernel_of(c);
    const std::int64_t blocks = static_cast<const Cut*>(plan.state.get())->blocks, filters = kernel.filters;
    const std::int64_t block = block_values(c, kernel), row = filters * kernel.per_word;
    PackedLayout layout;
    for (std::int64_t i = 0; i < blocks * filters; ++i) {
      layout.rows.push_back(i / filters * block + i % filters * kernel.per_word);
    }
    for (std::int64_t i = 0; i < block / filters; ++i) {
      const std::int64_t channel = i / taps, tap = i % taps;
      layout.columns.push_back((channel / kernel.per_word * taps + tap) * row + channel % kernel.per_word);
    }
    pack_matrix(source, {0, c.out_channels}, layout, c.x, to);
  }

  void run(const Case& c, const Plan& plan, const Args& args, std::byte* scratch) const override {
    const Run run{*static_cast<const Cut*>(plan.state.get()),
                  *kernel_of(c),
                  args,
                  scratch,
                  block_bytes(c, *kernel_of(c)),
                  WinogradEpilogue{.bias = reinterpret_cast<const float*>(args.bias.raw()),
                                   .row = args.row.raw(),
                                   .residual = args.residual.raw(),
                                   .silu = c.activation == Activation::silu,
                                   .negative_slope = slope_of(c.activation)}};
    run.cut.wave ? run.waves() : run.whole_groups();
  }

 private:
  const WinogradKernel* kernel_of(const Case& c) const {
    if (c.x != c.y) return nullptr;
    return c.x == DType::f32 ? f32_ : c.x == DType::bf16 ? bf16_ : nullptr;
  }

  static std::int64_t block_values(const Case& c, const WinogradKernel& kernel) {
    return divide_up(c.in_channels, kernel.per_word) * kernel.per_word * taps * kernel.filters;
  }
  static std::size_t block_bytes(const Case& c, const WinogradKernel& kernel) {
    return static_cast<std::size_t>(block_values(c, kernel)) * bytes_of(c.x);
  }

  static float slope_of(Activation activation) {
    return activation == Activation::relu ? 0.0f : activation == Activation::leaky_relu ? 0.2f : 1.0f;
  }

  /// The products run as fast as oneDNN's.
  static bool worthwhile(const Case& c, const Cut& cut, const WinogradKernel& kernel) {
    if (c.in_channels < least_channels) return false;
    const auto tiles = static_cast<double>(cut.tiles), channels = static_cast<double>(c.in_channels);
    const auto filters = static_cast<double>(cut.blocks * kernel.filters);
    const auto groups = static_cast<double>(cut.wave ? cut.groups : 1);
    const auto& costs = kernel.costs;
    const double products = tiles * channels * filters + costs.inputs * tiles * channels +
                            costs.sums * tiles * filters + costs.filters * groups * channels * filters;
    return static_cast<double>(kernel.points) * 2 * products < 0.9 * c.flops();
  }

  std::string_view name_;
  Input input_;
  const WinogradKernel *f32_, *bf16_;
};

}  // namespace

void add_winograd(Operations& operations, Isa isa) {
  const auto add = [&](std::string_view name, const Kernels& plain, std::string_view upsampled_name,
                       const Kernels& upsampled) {
    operations.add<Conv2dOp>(std::make_unique<WinogradConvolution>(name, Input::plain, plain));
    operations.add<Conv2dOp>(std::make_unique<WinogradConvolution>(upsampled_name, Input::upsampled, upsampled));
  };
#if defined(__x86_64__)
  // Direct convolution in bf16 does twice the products of float32 where the processor multiplies pairs, so F(4 x 4) in
  // float32 gains nothing beside F(2 x 2) in pairs; with tiles it does eight times those of pairs, and no transform
  // gains.
  const bool widens = isa < Isa::avx512bf16;
  if (isa == Isa::avx512bf16) {
    add("winograd-avx512bf16", {nullptr, &avx512bf16::winograd_bf16_pairs}, "winograd-upsampled-avx512bf16",
        {nullptr, &avx512bf16::upsampled_bf16_pairs});
  }
  if (isa >= Isa::avx512) {
    add("winograd-avx512", {&avx512::winograd_f32, widens ? &avx512::winograd_bf16 : nullptr},
        "winograd-upsampled-avx512", {&avx512::upsampled_f32, widens ? &avx512::upsampled_bf16 : nullptr});
  }
  if (isa >= Isa::avx2) {
    add("winograd-avx2", {&avx2::winograd_f32, widens ? &avx2::winograd_bf16 : nullptr}, "winograd-upsampled-avx2",
        {&avx2::upsampled_f32, widens ? &avx2::upsampled_bf16 : nullptr});
  }
#elif defined(__aarch64__)
  if (isa >= Isa::neon) {
    add("winograd-neon", {&neon::winograd_f32, &neon::winograd_bf16}, "winograd-upsampled-neon",
        {&neon::upsampled_f32, &neon::upsampled_bf16});
  }
#endif
}

void add_emulated_winograd([[maybe_unused]] Operations& operations, [[maybe_unused]] Isa isa) {
#if defined(__x86_64__)
  if (isa == Isa::avx512 || isa == Isa::avx512vnni) {
    const auto add = [&](std::string_view name, Input input, const WinogradKernel& pairs) {
      operations.add<Conv2dOp>(std::make_unique<WinogradConvolution>(name, input, Kernels{nullptr, &pairs}));
    };
    add("winograd-pairs-avx512", Input::plain, avx512::winograd_bf16_pairs);
    add("winograd-upsampled-pairs-avx512", Input::upsampled, avx512::upsampled_bf16_pairs);
  }
#endif
}

}  // namespace sumi
