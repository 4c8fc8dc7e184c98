#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>
#include <new>
#include <numeric>

#include "api/bench_options.h"
#include "api/device.h"
#include "backend/cpu/cpu.h"
#include "core/process.h"
#include "core/rng.h"
#include "ops/elementwise.h"
#include "pipelines/parts.h"
#include "pipelines/session.h"
#include "sumi/inspect.h"
#include "sumi/program.h"
#include "sumi/tools.h"

namespace sumi {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

/// The smallest value that at least `share` of them do not exceed.
double quantile(std::vector<double> values, double share) {
  std::sort(values.begin(), values.end());
  const auto rank = static_cast<std::size_t>(std::ceil(share * static_cast<double>(values.size())));
  return values[std::max<std::size_t>(rank, 1) - 1];
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t n = values.size();
  return (values[(n - 1) / 2] + values[n / 2]) / 2;
}

void summarise(BenchRow& row, const std::vector<double>& seconds, double flops, DType type) {
  row.minimum = quantile(seconds, 0);
  row.median = median(seconds);
  row.p95 = quantile(seconds, 0.95);
  row.flops = flops;
  row.gflops = row.median > 0 ? flops / row.median * 1e-9 : 0;
  // A processor without bf16 arithmetic computes it in f32.
  const double peak = measured_peak_gflops(type), fallback = peak > 0 ? peak : measured_peak_gflops(DType::f32);
  row.share_of_peak = row.gflops / fallback;
}

/// The calls of one part that count: how long each took, and the work of one.
struct Calls {
  std::vector<double> seconds;
  double flops = 0;
  std::size_t peak_bytes = 0;
};
using Call = std::function<void(Context&)>;

/// Runs what `prepare` returns `warmup + repeat` times in one arena. `prepare` makes what the calls share.
Calls run_calls(const BenchOptions& options, Device& device, const std::function<Call(Context&)>& prepare,
                Trace* trace = nullptr) {
  Calls calls;
  const auto body = [&](Context& ctx) {
    ctx.trace = nullptr;
    const Call call = prepare(ctx);
    for (int i = 0; i < options.warmup + options.repeat; ++i) {
      const bool counts = i >= options.warmup && !ctx.backend.dry();
      if (counts) ctx.trace = trace;
      const double before = ctx.flops;
      const auto begin = Clock::now();
      call(ctx);
      if (counts) calls.seconds.push_back(seconds_since(begin));
      calls.flops = ctx.flops - before;
    }
  };
  PeakMonitor monitor;
  Session session(*device.backend, device.type, device.int8);
  const Booked booked = session.plan(body);
  session.load(body);
  session.run(booked, body, trace);
  calls.peak_bytes = monitor.peak();
  return calls;
}

/// Standard normal values, so that nothing saturates or becomes denormal.
Tensor noise(Context& ctx, Shape shape) {
  std::vector<float> values(static_cast<std::size_t>(shape.elements()));
  if (!ctx.backend.dry()) make_noise(Rng::cpu, 1)->fill(values);
  return ctx.upload(values, shape);
}

Shape latent_shape(const BenchOptions& options, std::int64_t batch, std::int64_t reduction, std::int64_t channels) {
  check(options.width % reduction == 0 && options.height % reduction == 0, ErrorCode::usage,
        "size {}x{}: not divisible by {}", options.width, options.height, reduction);
  return {batch, options.height / reduction, options.width / reduction, channels};
}

std::int64_t halves(const BenchOptions& options, const UNetConfig& config) {
  return options.guidance > 1 && config.guidance_channels == 0 ? 2 : 1;
}

UNet::Prompt random_prompt(Context& ctx, const UNetConfig& config, std::int64_t batch, double guidance) {
  constexpr std::int64_t kTokens = 77, kSizes = 6;
  std::int64_t channels = 0;
  for (const UNetConfig::Stage& stage : config.down) channels = std::max(channels, stage.prompt_channels);
  UNet::Prompt prompt{.tokens = cast(ctx, noise(ctx, {batch, kTokens, channels}), ctx.type), .guidance = guidance};
  if (config.added_channels > 0) {
    const std::int64_t pooled = config.added_channels - kSizes * config.size_channels;
    prompt.pooled = cast(ctx, noise(ctx, {batch, pooled}), ctx.type);
    prompt.sizes.assign(static_cast<std::size_t>(batch * kSizes), 512.0f);
  }
  return prompt;
}

/// The steps of a UNet: rows of the whole step and, where asked for, of its ops.
class UNetBench {
 public:
  UNetBench(const BenchOptions& options, Device& device)
      : options_(options),
        device_(device),
        files_(open_model(choice_of(options.engine))),
        unet_(build_unet(files_->config("unet"), files_->weights("unet"))) {
    const std::int64_t reduction = load_autoencoder(*files_, options.engine.vae).reduction();
    batch_ = options.batch * halves(options, unet_.config());
    shape_ = latent_shape(options, batch_, reduction, unet_.config().in_channels);
  }

  Calls run(Trace* trace = nullptr) const {
    return run_calls(
        options_, device_, [this](Context& ctx) { return prepare(ctx); }, trace);
  }

 private:
  Call prepare(Context& ctx) const {
    auto conditioning = unet_.prepare(ctx, random_prompt(ctx, unet_.config(), batch_, options_.guidance));
    const std::vector<float> times(static_cast<std::size_t>(batch_), 500.0f);
    return [this, conditioning = std::move(conditioning), latents = noise(ctx, shape_),
            timesteps = ctx.upload(times, {batch_})](Context& c) { unet_(c, latents, timesteps, conditioning); };
  }

  const BenchOptions& options_;
  Device& device_;
  std::unique_ptr<ModelFiles> files_;
  UNet unet_;
  std::int64_t batch_;
  Shape shape_;
};

using OnRow = std::function<void(const BenchRow&)>;

/// One row per op, shape and implementation, the one that takes most of the step first.
void tell_ops(const Trace& trace, const BenchOptions& options, const Device& device, const OnRow& tell) {
  struct Timed {
    std::vector<double> seconds;
    double flops = 0;
    double total() const { return std::accumulate(seconds.begin(), seconds.end(), 0.0); }
  };
  std::map<std::pair<std::string, std::string>, Timed> ops;
  for (const Trace::Event& event : trace.events()) {
    if (event.category != "op") continue;
    Timed& timed = ops[{event.name + " " + event.shapes, event.implementation}];
    timed.seconds.push_back(event.seconds);
    timed.flops = event.flops;
  }
  std::vector<std::pair<std::pair<std::string, std::string>, Timed>> sorted(ops.begin(), ops.end());
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto& a, const auto& b) { return a.second.total() > b.second.total(); });
  for (const auto& [what, timed] : sorted) {
    BenchRow row{.what = "op", .shapes = what.first, .implementation = what.second, .dtype = device.dtype()};
    row.calls = static_cast<int>(timed.seconds.size()) / options.repeat;
    summarise(row, timed.seconds, timed.flops, device.type);
    tell(row);
  }
}

BenchRow row_of(const char* what, const Calls& calls, const Device& device) {
  BenchRow row{.what = what, .dtype = device.dtype(), .calls = 1};
  summarise(row, calls.seconds, calls.flops, device.type);
  row.peak_bytes = calls.peak_bytes;
  return row;
}

void bench_image(const BenchOptions& options, const OnRow& tell) {
  Engine engine(options.engine);
  const Device device = make_device(options.engine);
  const Request request{.prompt = "a red apple, 3d",
                        .steps = options.steps,
                        .guidance = options.guidance,
                        .width = options.width,
                        .height = options.height,
                        .seed = 1,
                        .batch = options.batch};
  Calls calls;
  std::vector<double> rates;
  for (int i = 0; i < options.warmup + options.repeat; ++i) {
    const auto begin = Clock::now();
    const Result result = engine.generate(request);
    calls.peak_bytes = std::max(calls.peak_bytes, result.report.peak_bytes);
    calls.flops = result.report.flops;
    if (i < options.warmup) continue;
    calls.seconds.push_back(seconds_since(begin));
    rates.push_back(result.report.steps_per_second);
  }
  BenchRow row = row_of("image", calls, device);
  row.steps_per_second = median(rates);
  row.pictures_per_minute = 60.0 * options.batch / row.median;
  tell(row);
}

void bench_unet(const BenchOptions& options, const OnRow& tell) {
  Device device = make_device(options.engine);
  const UNetBench unet(options, device);
  BenchRow row = row_of("unet", unet.run(), device);
  row.steps_per_second = 1 / row.median;
  tell(row);
  if (!options.ops) return;
  Trace trace;
  unet.run(&trace);
  tell_ops(trace, options, device, tell);
}

/// As the pipeline decodes: one picture at a time.
void bench_vae(const BenchOptions& options, const OnRow& tell) {
  Device device = make_device(options.engine);
  const auto files = open_model(choice_of(options.engine));
  const Autoencoder vae = load_autoencoder(*files, options.engine.vae);
  const Shape shape = latent_shape(options, 1, vae.reduction(), vae.latent_channels());
  const Calls calls = run_calls(options, device, [&](Context& ctx) -> Call {
    return [&, latents = noise(ctx, shape)](Context& c) {
      for (int i = 0; i < options.batch; ++i) vae.decode(c, latents, false);
    };
  });
  tell(row_of("vae", calls, device));
}

/// As the pipeline encodes: the pictures of a batch share the prompt, and guidance has a second one.
void bench_text(const BenchOptions& options, const OnRow& tell) {
  Device device = make_device(options.engine);
  const auto files = open_model(choice_of(options.engine));
  std::vector<ClipText> encoders;
  for (const std::string& name : files->weighted()) {
    if (name.starts_with("text_encoder")) {
      encoders.push_back(build_text_encoder(files->config(name), files->weights(name)));
    }
  }
  check(!encoders.empty(), ErrorCode::unsupported, "{}: has no text encoder", options.engine.model);
  const Calls calls = run_calls(options, device, [&](Context&) -> Call {
    return [&](Context& c) {
      for (const ClipText& text : encoders) {
        std::vector<std::int32_t> ids(static_cast<std::size_t>(text.config().positions));
        std::iota(ids.begin(), ids.end(), 0);
        text(c, std::vector(options.guidance > 1 ? 2u : 1u, ids));
      }
    };
  });
  tell(row_of("text", calls, device));
}

struct Part {
  const char* name;
  void (*run)(const BenchOptions&, const OnRow&);
};
constexpr Part kParts[] = {{"image", bench_image}, {"unet", bench_unet}, {"vae", bench_vae}, {"text", bench_text}};

const Part& find_part(const std::string& name) {
  std::vector<std::string> known;
  for (const Part& part : kParts) {
    if (name == part.name) return part;
    known.emplace_back(part.name);
  }
  fail(ErrorCode::usage, "what: '{}' is not known{}; there are image, unet, vae and text", name,
       did_you_mean(name, known));
}

void check_range(const char* what, int value, int least, int most) {
  check(value >= least && value <= most, ErrorCode::usage, "{} {}: expected {} to {}", what, value, least, most);
}

void check_options(const BenchOptions& options) {
  for (const std::string& name : options.what) find_part(name);
  check_range("batch", options.batch, 1, 256);
  check_range("steps", options.steps, 1, 1000);
  check_range("warmup", options.warmup, 0, 1000);
  check_range("repeat", options.repeat, 1, 1000);
  check_range("width", options.width, 8, 16384);
  check_range("height", options.height, 8, 16384);
  check(std::isfinite(options.guidance) && options.guidance >= 0 && options.guidance <= 100, ErrorCode::usage,
        "guidance {}: expected 0 to 100", options.guidance);
}

void run_part(const Part& part, const BenchOptions& options, const OnRow& tell) {
  const auto tell_failure = [&] {
    tell({.what = part.name, .dtype = make_device(options.engine).dtype(), .out_of_memory = true});
  };
  try {
    part.run(options, tell);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::out_of_memory) throw;
    tell_failure();
  } catch (const std::bad_alloc&) {
    tell_failure();
  }
}

}  // namespace

void settle_size(BenchOptions& options) {
  if (options.width != 0 && options.height != 0) return;
  const auto files = open_model(choice_of(options.engine));
  const std::int64_t latents = UNetConfig::from(files->config("unet")).sample_size;
  const auto size = static_cast<int>(latents * load_autoencoder(*files, options.engine.vae).reduction());
  if (options.width == 0) options.width = size;
  if (options.height == 0) options.height = size;
}

void bench(const BenchOptions& options, const OnRow& row) {
  BenchOptions settled = options;
  settle_size(settled);
  check_options(settled);
  for (const std::string& name : settled.what) run_part(find_part(name), settled, row);
}

}  // namespace sumi
