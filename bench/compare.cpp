// Every implementation that takes a convolution, or a linear as it is or in int8, in alternating rounds in one process,
// so that what else the machine does falls on all alike. A row is a shape: milliseconds of the fastest round, GFLOP/s
// as of direct convolution, and how many times as fast as oneDNN's, or as repeating pixels, the median over the rounds.
// One thread is timed by what the processor gave it, more by the wall clock.
//   sumi_bench_compare [f32|bf16] [rounds] [threads] [part of a shape's text]

#include <algorithm>
#include <chrono>
#include <ctime>

#include "backend/cpu/cpu.h"
#include "core/threads.h"
#include "ops/elementwise.h"
#include "ops/operations.h"
#include "values.h"

namespace sumi {
namespace {

struct Shape3x3 {
  const char* where;
  std::int64_t batch, side, in, out;
  bool upsampled = false;
};

/// Convolutions of 3 x 3 taps of SD 1.5 at 512 x 512, with both halves of guidance, and of its autoencoder.
constexpr Shape3x3 shapes[] = {
    {"UNet", 2, 64, 320, 320},       {"UNet", 2, 64, 960, 320},        {"UNet", 2, 32, 640, 640},
    {"UNet", 2, 32, 1920, 640},      {"UNet", 2, 16, 1280, 1280},      {"UNet", 2, 16, 2560, 1280},
    {"UNet", 2, 8, 1280, 1280},      {"UNet", 2, 8, 2560, 1280},       {"UNet", 1, 8, 1280, 1280},
    {"UNet", 1, 16, 1280, 1280},     {"UNet", 2, 64, 4, 320},          {"UNet", 2, 64, 320, 4},
    {"UNet", 2, 32, 640, 640, true}, {"UNet", 2, 8, 1280, 1280, true}, {"VAE", 1, 64, 512, 512, true},
    {"VAE", 1, 256, 256, 256, true}, {"VAE", 1, 64, 512, 512},         {"VAE", 1, 128, 512, 512},
    {"VAE", 1, 256, 256, 256},       {"VAE", 1, 512, 128, 128},        {"VAE", 1, 512, 128, 3},
    {"TAESD", 1, 512, 64, 64},       {"ControlNet", 1, 512, 16, 16},   {"ControlNet", 1, 256, 32, 32},
    {"ControlNet", 1, 128, 96, 96}};

/// Linears of SD 1.5 at 512 x 512 with both halves of guidance: rows, inputs, outputs, whether gated.
struct LinearShape {
  std::int64_t rows, in, out;
  bool gated = false;
};
constexpr LinearShape linears[] = {
    {8192, 320, 320},        {8192, 320, 960},        {8192, 320, 1280, true}, {8192, 1280, 320}, {2048, 640, 640},
    {2048, 640, 1920},       {2048, 640, 2560, true}, {2048, 2560, 640},       {512, 1280, 1280}, {512, 1280, 3840},
    {512, 1280, 5120, true}, {512, 5120, 1280},       {128, 1280, 5120, true}, {8192, 1280, 1280}};

/// One implementation with all that it needs to run.
template <class Op>
struct Runner {
  typename Op::Case c;
  const Implementation<Op>* implementation;
  Plan plan;
  Buffer packed, scratch;
  std::vector<double> seconds;

  void run(typename Op::Args args) {
    args.packed = packed.get();
    const double start = now();
    implementation->run(c, plan, args, scratch.get());
    seconds.push_back(now() - start);
  }
  static double now() {
    if (threads() == 1) return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
  }
};

/// Of an odd number.
double median(std::vector<double> of) {
  std::nth_element(of.begin(), of.begin() + static_cast<std::ptrdiff_t>(of.size() / 2), of.end());
  return of[of.size() / 2];
}

/// What the command line asks for.
struct Options {
  DType type;
  int rounds;
  std::string_view part;  ///< of a shape's text
};

/// The same arguments for all cases.
template <class Op>
void compare(Backend& backend, const Options& options, std::string_view where,
             const std::vector<typename Op::Case>& cases, const typename Op::Args& args, const Source& weight) {
  std::vector<Runner<Op>> runners;
  for (const auto& c : cases) {
    for (const auto& each : backend.operations().list<Op>()) {
      Decision decision = each->plan(c);
      if (each->name() == "ref" || !std::holds_alternative<Plan>(decision)) continue;
      Runner<Op> runner{.c = c, .implementation = each.get(), .plan = std::get<Plan>(std::move(decision))};
      runner.packed = backend.allocate(runner.plan.packed_bytes);
      runner.scratch = backend.allocate(runner.plan.scratch_bytes);
      each->pack(c, runner.plan, weight, runner.packed.get());
      runner.run(args);
      runner.seconds.clear();
      runners.push_back(std::move(runner));
    }
  }
  for (int round = 0; round < options.rounds; ++round) {
    for (auto& each : runners) each.run(args);
  }
  const auto peer = std::find_if(runners.begin(), runners.end(), [](const auto& each) {
    return each.implementation->name().starts_with("onednn") || each.implementation->name() == "repeated";
  });
  fmt::print("{:10} {}", where, cases.front().text());
  for (const auto& each : runners) {
    std::vector<double> ratios(each.seconds.size());
    for (std::size_t i = 0; i < ratios.size(); ++i) ratios[i] = peer->seconds[i] / each.seconds[i];
    const double best = *std::min_element(each.seconds.begin(), each.seconds.end());
    fmt::print("; {} {:.2f} ms {:.0f} GFLOP/s x{:.2f}", each.implementation->name(), best * 1e3,
               each.c.flops() / best * 1e-9, median(ratios));
  }
  fmt::print("\n");
  std::fflush(stdout);
}

/// Memory for the tensors of one shape.
struct Tensors {
  static constexpr std::size_t capacity = std::size_t{1} << 30;

  Tensors(Backend& backend, DType type)
      : arena(backend.allocate(capacity), capacity), ctx{.backend = backend, .arena = arena, .type = type} {}
  Tensor input(const Shape& shape) { return cast(ctx, ctx.upload(values(shape.elements()), shape), ctx.type); }

  Arena arena;
  Context ctx;
};

void compare(Backend& backend, const Shape3x3& s, const Options& options) {
  const Conv2dOp::Case c{.batch = s.batch,
                         .height = s.side,
                         .width = s.side,
                         .in_channels = s.in,
                         .out_channels = s.out,
                         .padding = {1, 1, 1, 1},
                         .x = options.type,
                         .y = options.type,
                         .bias = true,
                         .upsampled = s.upsampled};
  if (c.text().find(options.part) == std::string::npos) return;
  Tensors tensors(backend, options.type);
  const Conv2dOp::Args args{.x = tensors.input({s.batch, s.side, s.side, s.in}),
                            .bias = tensors.ctx.upload(values(s.out), {s.out}),
                            .y = tensors.ctx.tensor({s.batch, c.out_height(), c.out_width(), s.out})};
  compare<Conv2dOp>(backend, options, s.where, {c}, args,
                    *values_source({s.out, s.in, 3, 3}, values(s.out * s.in * 9)));
}

void compare(Backend& backend, const LinearShape& s, const Options& options) {
  LinearOp::Case c{.rows = s.rows,
                   .in = s.in,
                   .out = s.out,
                   .x = options.type,
                   .y = options.type,
                   .activation = s.gated ? Activation::gelu : Activation::none,
                   .gated = s.gated,
                   .bias = true,
                   .residual = !s.gated};
  if (c.text().find(options.part) == std::string::npos) return;
  LinearOp::Case in_int8 = c;
  in_int8.rounding = Rounding::int8;
  Tensors tensors(backend, options.type);
  const std::int64_t weight_rows = c.weight_rows();
  const LinearOp::Args args{.x = tensors.input({s.rows, s.in}),
                            .bias = tensors.ctx.upload(values(weight_rows), {weight_rows}),
                            .residual = c.residual ? tensors.input({s.rows, s.out}) : Tensor(),
                            .y = tensors.ctx.tensor({s.rows, s.out})};
  compare<LinearOp>(backend, options, "linear", {c, in_int8}, args,
                    *values_source({weight_rows, s.in}, values(weight_rows * s.in)));
}

}  // namespace
}  // namespace sumi

int main(int count, char** arguments) try {
  const auto backend = sumi::make_cpu_backend();
  const auto number = [&](int i, int otherwise) { return count > i ? std::atoi(arguments[i]) : otherwise; };
  sumi::set_threads(number(3, 0));
  const bool bf16 = count > 1 && std::string_view(arguments[1]) == "bf16";
  const sumi::Options options{.type = bf16 ? sumi::DType::bf16 : sumi::DType::f32,
                              .rounds = number(2, 15) | 1,
                              .part = count > 4 ? arguments[4] : ""};
  for (const auto& shape : sumi::shapes) sumi::compare(*backend, shape, options);
  for (const auto& shape : sumi::linears) sumi::compare(*backend, shape, options);
  return 0;
} catch (const sumi::Error& error) {
  fmt::print(stderr, "sumi_bench_compare: {}\n", error.what());
  return 1;
}
