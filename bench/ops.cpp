// The ops of one UNet step of Stable Diffusion 1.5 at 512 x 512, both halves of guidance in one batch, on the CPU
// backend. Counters: GFLOP/s, their share of the machine's measured float32 peak (above 1 where bf16 is native), and
// how often a step has the op. The label names the implementation that ran.
//   sumi_bench_ops --benchmark_filter='f32/conv2d'

#include <functional>

#include <benchmark/benchmark.h>

#include "backend/cpu/cpu.h"
#include "ops/all.h"
#include "values.h"

namespace sumi {
namespace {

constexpr std::int64_t batch = 2;

/// One device for all benchmarks; every run gives its tensors back.
struct Device {
  static constexpr std::size_t capacity = std::size_t{1} << 30;

  std::unique_ptr<Backend> backend = make_cpu_backend();
  Arena arena{backend->allocate(capacity), capacity};
};

Device& device() {
  static Device device;
  return device;
}

Tensor input(Context& ctx, Shape shape) { return cast(ctx, ctx.upload(values(shape.elements()), shape), ctx.type); }

Weight weight(Shape shape) { return Weight(values_source(shape, values(shape.elements()))); }

/// Makes the op's inputs, and gives what runs it once.
using Make = std::function<std::function<void(Context&)>(Context&)>;

void measure(benchmark::State& state, DType type, int per_step, const Make& make) {
  Trace trace;
  Context ctx{.backend = *device().backend, .arena = device().arena, .type = type};
  const auto run = make(ctx);
  ctx.trace = &trace;
  ctx.flops = 0;
  run(ctx);  // chooses and packs
  ctx.trace = nullptr;
  const double flops = ctx.flops;
  for (auto _ : state) run(ctx);
  const double peak = measured_peak_gflops(DType::f32) * 1e9;
  const auto rate = [&](double amount) {
    return benchmark::Counter(amount, benchmark::Counter::kIsIterationInvariantRate);
  };
  state.counters["GFLOP/s"] = rate(flops * 1e-9);
  state.counters["of peak"] = rate(flops / peak);
  state.counters["per step"] = per_step;
  state.SetLabel(trace.events().back().implementation);
}

void add(const std::string& name, int per_step, const Make& make) {
  for (const DType type : {DType::f32, DType::bf16}) {
    benchmark::RegisterBenchmark(fmt::format("{}/{}", name_of(type), name).c_str(),
                                 [=](benchmark::State& state) { measure(state, type, per_step, make); })
        ->Unit(benchmark::kMillisecond)
        ->UseRealTime();
  }
}

struct ConvolutionShape {
  int per_step;
  std::int64_t in, side, out, kernel = 3, stride = 1;
};

void add(const ConvolutionShape& s) {
  add(fmt::format("conv2d/{}x{}/{}/{}to{}", s.kernel, s.kernel, s.side, s.in, s.out), s.per_step, [s](Context& ctx) {
    const Tensor x = input(ctx, {batch, s.side, s.side, s.in});
    const auto filters = std::make_shared<Weight>(weight({s.out, s.in, s.kernel, s.kernel}));
    const auto bias = std::make_shared<Vector>(values(s.out));
    const std::int64_t pad = s.kernel / 2;
    return [=](Context& c) {
      conv2d(c, x, *filters, {.bias = bias.get(), .stride = s.stride, .padding = {pad, pad, pad, pad}});
    };
  });
}

struct LinearShape {
  int per_step;
  std::int64_t rows, in, out;
  bool gated = false;
};

void add(const LinearShape& s) {
  add(fmt::format("linear/{}{}x{}to{}", s.gated ? "geglu/" : "", s.rows, s.in, s.out), s.per_step, [s](Context& ctx) {
    const Tensor x = input(ctx, {s.rows, s.in});
    const std::int64_t weight_rows = s.gated ? 2 * s.out : s.out;
    const auto matrix = std::make_shared<Weight>(weight({weight_rows, s.in}));
    const auto bias = std::make_shared<Vector>(values(weight_rows));
    const Activation activation = s.gated ? Activation::gelu : Activation::none;
    return [=](Context& c) { linear(c, x, *matrix, {.bias = bias.get(), .activation = activation, .gated = s.gated}); };
  });
}

struct AttentionShape {
  int per_step;
  std::int64_t queries, keys, channels;
};

void add(const AttentionShape& s) {
  add(fmt::format("attention/{}x{}x{}", s.queries, s.keys, s.channels / 8), s.per_step, [s](Context& ctx) {
    const Tensor q = input(ctx, {batch, s.queries, s.channels});
    const Tensor k = input(ctx, {batch, s.keys, s.channels}), v = input(ctx, {batch, s.keys, s.channels});
    return [=](Context& c) { attention(c, q, k, v, 8); };
  });
}

struct NormShape {
  int per_step;
  std::int64_t pixels, channels;
};

void add_group_norm(const NormShape& s) {
  add(fmt::format("group_norm/{}x{}", s.pixels, s.channels), s.per_step, [s](Context& ctx) {
    const Tensor x = input(ctx, {batch, s.pixels, s.channels});
    const auto scale = std::make_shared<Vector>(values(s.channels));
    return [=](Context& c) { group_norm(c, x, *scale, *scale, 32, 1e-5, Activation::silu); };
  });
}

void add_layer_norm(const NormShape& s) {
  add(fmt::format("layer_norm/{}x{}", s.pixels, s.channels), s.per_step, [s](Context& ctx) {
    const Tensor x = input(ctx, {batch, s.pixels, s.channels});
    const auto scale = std::make_shared<Vector>(values(s.channels));
    return [=](Context& c) { layer_norm(c, x, *scale, *scale, 1e-5); };
  });
}

void add_all() {
  constexpr ConvolutionShape convolutions[] = {
      {1, 4, 64, 320},           {7, 320, 64, 320},     {2, 640, 64, 320},       {1, 960, 64, 320},
      {1, 640, 64, 640},         {1, 320, 64, 4},       {1, 320, 32, 640},       {6, 640, 32, 640},
      {1, 960, 32, 640},         {1, 1280, 32, 640},    {1, 1920, 32, 640},      {1, 1280, 32, 1280},
      {1, 640, 16, 1280},        {7, 1280, 16, 1280},   {1, 1920, 16, 1280},     {2, 2560, 16, 1280},
      {11, 1280, 8, 1280},       {3, 2560, 8, 1280},    {1, 320, 64, 320, 3, 2}, {1, 640, 32, 640, 3, 2},
      {1, 1280, 16, 1280, 3, 2}, {10, 320, 64, 320, 1}, {10, 640, 32, 640, 1},   {10, 1280, 16, 1280, 1}};
  constexpr LinearShape linears[] = {{15, 8192, 320, 320}, {5, 8192, 320, 960},   {5, 8192, 320, 1280, true},
                                     {5, 8192, 1280, 320}, {15, 2048, 640, 640},  {5, 2048, 640, 2560, true},
                                     {5, 2048, 2560, 640}, {15, 512, 1280, 1280}, {5, 512, 1280, 5120, true},
                                     {5, 512, 5120, 1280}, {10, 154, 768, 320},   {10, 154, 768, 640},
                                     {12, 154, 768, 1280}, {22, 2, 1280, 1280}};
  constexpr AttentionShape attentions[] = {{5, 4096, 4096, 320}, {5, 4096, 77, 320},  {5, 1024, 1024, 640},
                                           {5, 1024, 77, 640},   {5, 256, 256, 1280}, {5, 256, 77, 1280}};
  for (const auto& each : convolutions) add(each);
  for (const auto& each : linears) add(each);
  for (const auto& each : attentions) add(each);
  for (const NormShape& each : {NormShape{13, 4096, 320}, {13, 1024, 640}, {12, 256, 1280}}) add_group_norm(each);
  for (const NormShape& each : {NormShape{15, 4096, 320}, {15, 1024, 640}, {15, 256, 1280}}) add_layer_norm(each);
}

}  // namespace
}  // namespace sumi

int main(int count, char** arguments) try {
  benchmark::Initialize(&count, arguments);
  if (benchmark::ReportUnrecognizedArguments(count, arguments)) return 2;
  sumi::add_all();
  benchmark::RunSpecifiedBenchmarks();
  return 0;
} catch (const sumi::Error& error) {
  fmt::print(stderr, "sumi_bench_ops: {}\n", error.what());
  return 1;
}
