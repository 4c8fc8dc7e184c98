// Every implementation that takes a convolution, in alternating rounds in one process, so that what else the machine
// does falls on all alike. A row is a shape: milliseconds of the fastest round, GFLOP/s as of direct convolution, and
// how many times as fast as oneDNN's, the median over the rounds. One thread is timed by what the processor gave it,
// more by the wall clock.
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
};

/// Convolutions of 3 x 3 taps of SD 1.5 at 512 x 512, with both halves of guidance, and of its autoencoder.
constexpr Shape3x3 shapes[] = {
    {"UNet", 2, 64, 320, 320},      {"UNet", 2, 64, 960, 320},      {"UNet", 2, 32, 640, 640},
    {"UNet", 2, 32, 1920, 640},     {"UNet", 2, 16, 1280, 1280},    {"UNet", 2, 16, 2560, 1280},
    {"UNet", 2, 8, 1280, 1280},     {"UNet", 2, 8, 2560, 1280},     {"UNet", 1, 8, 1280, 1280},
    {"UNet", 1, 16, 1280, 1280},    {"UNet", 2, 64, 4, 320},        {"UNet", 2, 64, 320, 4},
    {"VAE", 1, 64, 512, 512},       {"VAE", 1, 128, 512, 512},      {"VAE", 1, 256, 256, 256},
    {"VAE", 1, 512, 128, 128},      {"VAE", 1, 512, 128, 3},        {"TAESD", 1, 512, 64, 64},
    {"ControlNet", 1, 512, 16, 16}, {"ControlNet", 1, 256, 32, 32}, {"ControlNet", 1, 128, 96, 96}};

/// One implementation with all that it needs to run.
struct Runner {
  const Implementation<Conv2dOp>* implementation;
  Plan plan;
  Buffer packed, scratch;
  std::vector<double> seconds;

  void run(const Conv2dOp::Case& c, Conv2dOp::Args args) {
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

void compare(Backend& backend, const Shape3x3& s, DType type, int rounds, std::string_view part) {
  const Conv2dOp::Case c{.batch = s.batch,
                         .height = s.side,
                         .width = s.side,
                         .in_channels = s.in,
                         .out_channels = s.out,
                         .padding = {1, 1, 1, 1},
                         .x = type,
                         .y = type,
                         .bias = true};
  if (c.text().find(part) == std::string::npos) return;
  constexpr std::size_t capacity = std::size_t{1} << 30;
  Arena arena(backend.allocate(capacity), capacity);
  Context ctx{.backend = backend, .arena = arena, .type = type};
  const Shape shape{s.batch, s.side, s.side, s.in};
  const Conv2dOp::Args args{.x = cast(ctx, ctx.upload(values(shape.elements()), shape), type),
                            .bias = ctx.upload(values(s.out), {s.out}),
                            .y = ctx.tensor({s.batch, s.side, s.side, s.out})};
  const auto filters = values_source({s.out, s.in, 3, 3}, values(s.out * s.in * 9));
  std::vector<Runner> runners;
  for (const auto& each : backend.operations().list<Conv2dOp>()) {
    Decision decision = each->plan(c);
    if (each->name() == "ref" || !std::holds_alternative<Plan>(decision)) continue;
    Runner runner{.implementation = each.get(), .plan = std::get<Plan>(std::move(decision))};
    runner.packed = backend.allocate(runner.plan.packed_bytes);
    runner.scratch = backend.allocate(runner.plan.scratch_bytes);
    each->pack(c, runner.plan, *filters, runner.packed.get());
    runner.run(c, args);
    runner.seconds.clear();
    runners.push_back(std::move(runner));
  }
  for (int round = 0; round < rounds; ++round) {
    for (Runner& each : runners) each.run(c, args);
  }
  const auto peer = std::find_if(runners.begin(), runners.end(),
                                 [](const Runner& each) { return each.implementation->name().starts_with("onednn"); });
  fmt::print("{:10} {}", s.where, c.text());
  for (const Runner& each : runners) {
    std::vector<double> ratios(each.seconds.size());
    for (std::size_t i = 0; i < ratios.size(); ++i) ratios[i] = peer->seconds[i] / each.seconds[i];
    const double best = *std::min_element(each.seconds.begin(), each.seconds.end());
    fmt::print("; {} {:.2f} ms {:.0f} GFLOP/s x{:.2f}", each.implementation->name(), best * 1e3,
               c.flops() / best * 1e-9, median(ratios));
  }
  fmt::print("\n");
  std::fflush(stdout);
}

}  // namespace
}  // namespace sumi

int main(int count, char** arguments) try {
  const auto backend = sumi::make_cpu_backend();
  const auto number = [&](int i, int otherwise) { return count > i ? std::atoi(arguments[i]) : otherwise; };
  sumi::set_threads(number(3, 0));
  const bool bf16 = count > 1 && std::string_view(arguments[1]) == "bf16";
  for (const auto& shape : sumi::shapes) {
    sumi::compare(*backend, shape, bf16 ? sumi::DType::bf16 : sumi::DType::f32, number(2, 15) | 1,
                  count > 4 ? arguments[4] : "");
  }
  return 0;
} catch (const sumi::Error& error) {
  fmt::print(stderr, "sumi_bench_compare: {}\n", error.what());
  return 1;
}
