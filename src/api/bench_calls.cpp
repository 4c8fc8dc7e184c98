#include "api/bench_calls.h"

#include <algorithm>
#include <cmath>

#include "core/process.h"
#include "core/stopwatch.h"
#include "pipelines/session.h"

namespace sumi {
namespace {

/// The smallest value that at least `share` of them do not exceed.
double quantile(std::vector<double> values, double share) {
  std::sort(values.begin(), values.end());
  const auto rank = static_cast<std::size_t>(std::ceil(share * static_cast<double>(values.size())));
  return values[std::max<std::size_t>(rank, 1) - 1];
}

}  // namespace

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t n = values.size();
  return (values[(n - 1) / 2] + values[n / 2]) / 2;
}

void summarise(BenchRow& row, const std::vector<double>& seconds, double flops, const Device& device) {
  row.minimum = quantile(seconds, 0);
  row.median = median(seconds);
  row.p95 = quantile(seconds, 0.95);
  row.flops = flops;
  row.gflops = row.median > 0 ? flops / row.median * 1e-9 : 0;
  // A processor without bf16 arithmetic computes it in f32.
  const double peak = device.backend->peak_gflops(device.type), fallback = device.backend->peak_gflops(DType::f32);
  if (fallback > 0) row.share_of_peak = row.gflops / (peak > 0 ? peak : fallback);
}

BenchRow row_of(const char* what, const Calls& calls, const Device& device) {
  BenchRow row{.what = what, .dtype = device.dtype(), .calls = 1};
  summarise(row, calls.seconds, calls.flops, device);
  row.peak_bytes = calls.peak_bytes;
  row.offloaded_bytes = calls.offloaded_bytes;
  return row;
}

Calls run_calls(int warmup, int repeat, Device& device, const Prepare& prepare, Trace* trace) {
  Calls calls;
  const auto body = [&](Context& ctx) {
    ctx.trace = nullptr;
    const Call call = prepare(ctx);
    for (int i = 0; i < warmup + repeat; ++i) {
      const bool counts = i >= warmup && !ctx.backend.dry();
      if (counts) ctx.trace = trace;
      const double before = ctx.flops;
      const Stopwatch time;
      call(ctx);
      ctx.backend.finish();
      if (counts) calls.seconds.push_back(time.seconds());
      calls.flops = ctx.flops - before;
    }
  };
  PeakMonitor monitor;
  Session session(*device.backend, device.type, device.rounding);
  const Booked booked = session.plan(body);
  session.load(booked, body);
  session.run(booked, body, trace);
  calls.peak_bytes = device.peak_bytes(monitor);
  calls.offloaded_bytes = device.backend->offload().weights;
  return calls;
}

}  // namespace sumi
