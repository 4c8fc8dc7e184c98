#pragma once

#include <functional>
#include <vector>

#include "api/device.h"
#include "ops/context.h"
#include "sumi/tools.h"

namespace sumi {

/// Calls that count: how long each took, and the work of one.
struct Calls {
  std::vector<double> seconds;
  double flops = 0;
  std::size_t peak_bytes = 0, offloaded_bytes = 0;
};

/// One call of what is measured.
using Call = std::function<void(Context&)>;
/// Makes what the calls share.
using Prepare = std::function<Call(Context&)>;

/// Runs what `prepare` returns `warmup + repeat` times in one arena. The last `repeat` count and leave their ops in
/// `trace`.
Calls run_calls(int warmup, int repeat, Device& device, const Prepare& prepare, Trace* trace = nullptr);

double median(std::vector<double> values);
/// The times of calls that take `flops` each, and their speed.
void summarise(BenchRow& row, const std::vector<double>& seconds, double flops, const Device& device);
BenchRow row_of(const char* what, const Calls& calls, const Device& device);

using OnRow = std::function<void(const BenchRow&)>;

/// One row per op, shape and implementation, what takes most of a call first. With options.compare each call is
/// followed by one on a device that prefers those implementations.
void bench_ops(const BenchOptions& options, Device& device, const Prepare& prepare, const OnRow& tell);

}  // namespace sumi
