#include <algorithm>
#include <cmath>

#include "backend/cpu/kernels.h"
#include "backend/cpu/norm_simd.h"
#include "core/threads.h"

namespace sumi {
namespace {

/// The kernels of one instruction set.
struct Kernels {
  std::string_view name;
  const NormKernel &f32, &bf16;

  const NormKernel* of(DType type) const { return type == DType::f32 ? &f32 : type == DType::bf16 ? &bf16 : nullptr; }
};

Declined declined_type(DType type) { return {fmt::format("computes f32 and bf16, not {}", name_of(type))}; }

/// Mean and sum of squared differences from it, of `count` values.
struct Moments {
  double count, mean, squares;
};

/// Of all the sets together. Means first: what follows are sums of positive numbers.
template <class Part>
Moments joined(std::int64_t parts, const Part& part) {
  Moments all{};
  for (std::int64_t i = 0; i < parts; ++i) {
    const Moments one = part(i);
    all.count += one.count;
    all.mean += one.count * one.mean;
  }
  all.mean /= all.count;
  for (std::int64_t i = 0; i < parts; ++i) {
    const Moments one = part(i);
    all.squares += one.squares + one.count * (one.mean - all.mean) * (one.mean - all.mean);
  }
  return all;
}

/// Two passes over memory: moments of parts of each picture, then the map. Parts depend on the picture alone, so
/// results are the same for any number of threads.
class GroupNorm : public Implementation<GroupNormOp> {
 public:
  using Case = GroupNormOp::Case;
  using Args = GroupNormOp::Args;

  explicit GroupNorm(const Kernels& kernels) : kernels_(kernels) {}

  std::string_view name() const override { return kernels_.name; }

  Decision plan(const Case& c) const override {
    if (!kernels_.of(c.x)) return declined_type(c.x);
    if (c.activation != Activation::none && c.activation != Activation::silu) {
      return Declined{fmt::format("has no {} after the norm, only silu", name_of(c.activation))};
    }
    if (c.batch < 1 || c.pixels < 1) return Declined{"no pixels"};
    const Layout layout(c, threads());
    return Plan{.scratch_bytes = layout.bytes(), .state = std::make_shared<Layout>(layout)};
  }

  void run(const Case& c, const Plan& plan, const Args& args, std::byte* scratch) const override {
    const Layout& layout = *static_cast<const Layout*>(plan.state.get());
    each_thread(layout, c.batch * layout.parts, [&](int thread, std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) measure(c, args, layout, scratch, thread, i);
    });
    each_thread(layout, c.batch * c.pixels, [&](int thread, std::int64_t begin, std::int64_t end) {
      while (begin < end) {
        const std::int64_t n = begin / c.pixels, stop = std::min(end, (n + 1) * c.pixels);
        map(c, args, layout, scratch, thread, n, begin, stop);
        begin = stop;
      }
    });
  }

 private:
  /// Scratch memory: moments of every group in every part of every picture, then working memory of each thread, which
  /// holds moments and sums of all channels in the first pass and the map in the second.
  struct Layout {
    Layout(const Case& c, int thread_count)
        // 64 parts feed as many threads; fewer than 32 pixels are not worth the merging.
        : parts(std::clamp<std::int64_t>(c.pixels / 32, 1, 64)),
          threads(thread_count),
          group_moments(2 * c.batch * parts * c.groups),
          thread_bytes(static_cast<std::size_t>(c.channels) * (2 * sizeof(double) + 2 * sizeof(float))) {}
    std::size_t bytes() const {
      return static_cast<std::size_t>(group_moments) * sizeof(double) +
             static_cast<std::size_t>(threads) * thread_bytes;
    }
    std::byte* of_thread(std::byte* scratch, int thread) const {
      return scratch + static_cast<std::size_t>(group_moments) * sizeof(double) +
             static_cast<std::size_t>(thread) * thread_bytes;
    }
    /// Mean and squares of each group of a part.
    double* of_part(const Case& c, std::byte* scratch, std::int64_t n, std::int64_t part) const {
      return reinterpret_cast<double*>(scratch) + 2 * (n * parts + part) * c.groups;
    }
    std::int64_t first_pixel(const Case& c, std::int64_t part) const { return c.pixels * part / parts; }

    std::int64_t parts;  ///< of a picture
    int threads;         ///< that memory is booked for
    std::int64_t group_moments;
    std::size_t thread_bytes;
  };

  /// Splits 0..count over the threads that have memory.
  template <class Body>
  static void each_thread(const Layout& layout, std::int64_t count, const Body& body) {
    parallel([&](int thread, int all) {
      const int used = std::min(all, layout.threads);
      if (thread < used) body(thread, count * thread / used, count * (thread + 1) / used);
    });
  }

  void measure(const Case& c, const Args& args, const Layout& layout, std::byte* scratch, int thread,
               std::int64_t i) const {
    const std::int64_t n = i / layout.parts, part = i % layout.parts;
    auto* memory = reinterpret_cast<double*>(layout.of_thread(scratch, thread));
    const ChannelMoments moments{memory, memory + c.channels};
    std::fill(memory, memory + 2 * c.channels, 0.0);
    auto* sums = reinterpret_cast<float*>(memory + 2 * c.channels);

    const std::int64_t begin = layout.first_pixel(c, part), end = layout.first_pixel(c, part + 1);
    for (std::int64_t pixel = begin; pixel < end; pixel += NormKernel::most_pixels) {
      const std::size_t at = static_cast<std::size_t>((n * c.pixels + pixel) * c.channels) * bytes_of(c.x);
      kernels_.of(c.x)->add_moments(args.x.raw() + at, std::min(NormKernel::most_pixels, end - pixel), c.channels,
                                    pixel - begin, moments, sums);
    }
    const std::int64_t width = c.channels / c.groups;
    double* to = layout.of_part(c, scratch, n, part);
    for (std::int64_t group = 0; group < c.groups; ++group) {
      const Moments all = joined(width, [&](std::int64_t channel) {
        const std::int64_t at = group * width + channel;
        return Moments{static_cast<double>(end - begin), moments.mean[at], moments.squares[at]};
      });
      to[2 * group] = all.mean;
      to[2 * group + 1] = all.squares;
    }
  }

  /// Pixels [begin, end), counted from the first picture's, of picture n.
  void map(const Case& c, const Args& args, const Layout& layout, std::byte* scratch, int thread, std::int64_t n,
           std::int64_t begin, std::int64_t end) const {
    auto* mean = reinterpret_cast<float*>(layout.of_thread(scratch, thread));
    float *factor = mean + c.channels, *offset = factor + c.channels;
    const std::int64_t width = c.channels / c.groups;
    for (std::int64_t group = 0; group < c.groups; ++group) {
      const Moments all = joined(layout.parts, [&](std::int64_t part) {
        const double* from = layout.of_part(c, scratch, n, part) + 2 * group;
        const std::int64_t pixels = layout.first_pixel(c, part + 1) - layout.first_pixel(c, part);
        return Moments{static_cast<double>(pixels * width), from[0], from[1]};
      });
      const double deviation = std::sqrt(std::max(all.squares, 0.0) / all.count + c.epsilon);
      for (std::int64_t channel = group * width; channel < (group + 1) * width; ++channel) {
        mean[channel] = static_cast<float>(all.mean);
        const double scale = args.scale.data<float>()[channel] / deviation;
        factor[channel] = static_cast<float>(scale);
        // With what float32 cannot hold of the mean.
        offset[channel] = static_cast<float>(args.shift.data<float>()[channel] - (all.mean - mean[channel]) * scale);
      }
    }
    const std::size_t at = static_cast<std::size_t>(begin * c.channels) * bytes_of(c.x);
    kernels_.of(c.x)->map(args.x.raw() + at, end - begin, c.channels,
                          {mean, factor, offset, c.activation == Activation::silu}, args.y.raw() + at);
  }

  Kernels kernels_;
};

class LayerNorm : public Implementation<LayerNormOp> {
 public:
  using Case = LayerNormOp::Case;
  using Args = LayerNormOp::Args;

  explicit LayerNorm(const Kernels& kernels) : kernels_(kernels) {}

  std::string_view name() const override { return kernels_.name; }

  Decision plan(const Case& c) const override {
    if (!kernels_.of(c.x)) return declined_type(c.x);
    if (c.channels < 1) return Declined{"no channels"};
    return Plan{};
  }

  void run(const Case& c, const Plan&, const Args& args, std::byte*) const override {
    // 64 KiB of rows take some ten microseconds, ten times what it takes to share them out.
    const std::int64_t row_bytes = c.channels * static_cast<std::int64_t>(bytes_of(c.x));
    const std::int64_t grain = std::max<std::int64_t>(1, (std::int64_t{64} << 10) / row_bytes);
    parallel_for(c.rows, grain, [&](std::int64_t begin, std::int64_t end) {
      const auto at = static_cast<std::size_t>(begin * row_bytes);
      kernels_.of(c.x)->layer_norm(args.x.raw() + at, end - begin, c.channels, c.epsilon, args.scale.data<float>(),
                                   args.shift.data<float>(), args.y.raw() + at);
    });
  }

 private:
  Kernels kernels_;
};

}  // namespace

void add_norms(Operations& operations, Isa isa) {
  const auto add = [&](const Kernels& kernels) {
    operations.add<GroupNormOp>(std::make_unique<GroupNorm>(kernels));
    operations.add<LayerNormOp>(std::make_unique<LayerNorm>(kernels));
  };
#if defined(__x86_64__)
  if (isa >= Isa::avx512) add({"simd-avx512", avx512::norm_f32, avx512::norm_bf16});
  if (isa >= Isa::avx2) add({"simd-avx2", avx2::norm_f32, avx2::norm_bf16});
#elif defined(__aarch64__)
  if (isa >= Isa::neon) add({"simd-neon", neon::norm_f32, neon::norm_bf16});
#endif
}

}  // namespace sumi
