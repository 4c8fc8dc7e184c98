#include <algorithm>
#include <map>
#include <numeric>

#include "api/bench_calls.h"
#include "core/check.h"
#include "ops/operations.h"

namespace sumi {
namespace {

/// The calls of an op with one shape and implementation.
struct Timed {
  std::vector<double> seconds;
  double flops = 0;
  std::string rival;           ///< empty where no other implementation was preferred
  std::vector<double> ratios;  ///< its seconds over those of the same call
  double total() const { return std::accumulate(seconds.begin(), seconds.end(), 0.0); }
};

std::vector<const Trace::Event*> ops_of(const Trace& trace) {
  std::vector<const Trace::Event*> ops;
  for (const Trace::Event& event : trace.events()) {
    if (event.category == "op") ops.push_back(&event);
  }
  return ops;
}

}  // namespace

void bench_ops(const BenchOptions& options, Device& device, const Prepare& prepare, const OnRow& tell) {
  Trace trace, rival_trace;
  if (options.compare.empty()) {
    run_calls(options.warmup, options.repeat, device, prepare, &trace);
  } else {
    Device rival = make_device(options.engine);
    rival.backend->operations().prefer(options.compare);
    for (int i = 0; i < options.repeat; ++i) {
      run_calls(options.warmup, 1, device, prepare, &trace);
      run_calls(options.warmup, 1, rival, prepare, &rival_trace);
    }
  }
  const auto ops = ops_of(trace), rivals = ops_of(rival_trace);
  check(rivals.empty() || rivals.size() == ops.size(), ErrorCode::internal, "bench: {} ops, with '{}' {}", ops.size(),
        options.compare, rivals.size());

  std::map<std::pair<std::string, std::string>, Timed> timed;
  for (std::size_t i = 0; i < ops.size(); ++i) {
    const Trace::Event& op = *ops[i];
    Timed& all = timed[{op.name + " " + op.shapes, op.implementation}];
    all.seconds.push_back(op.seconds);
    all.flops = op.flops;
    if (rivals.empty() || rivals[i]->implementation == op.implementation) continue;
    all.rival = rivals[i]->implementation;
    all.ratios.push_back(rivals[i]->seconds / op.seconds);
  }
  std::vector<std::pair<std::pair<std::string, std::string>, Timed>> sorted(timed.begin(), timed.end());
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto& a, const auto& b) { return a.second.total() > b.second.total(); });
  for (const auto& [what, all] : sorted) {
    BenchRow row{.what = "op", .shapes = what.first, .implementation = what.second, .dtype = device.dtype()};
    row.calls = static_cast<int>(all.seconds.size()) / options.repeat;
    row.rival = all.rival;
    if (!all.ratios.empty()) row.times_as_fast = median(all.ratios);
    summarise(row, all.seconds, all.flops, device);
    tell(row);
  }
}

}  // namespace sumi
