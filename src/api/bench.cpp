#include <algorithm>
#include <new>
#include <numeric>

#include "api/bench_calls.h"
#include "api/bench_options.h"
#include "core/rng.h"
#include "core/stopwatch.h"
#include "ops/elementwise.h"
#include "ops/operations.h"
#include "pipelines/choices.h"
#include "pipelines/parts.h"
#include "pipelines/replay.h"
#include "sumi/inspect.h"
#include "sumi/program.h"
#include "sumi/tools.h"

namespace sumi {
namespace {

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

/// `silent`: its leading rows are zeros.
UNet::Prompt random_prompt(Context& ctx, const UNetConfig& config, std::int64_t batch, double guidance,
                           std::int64_t silent) {
  constexpr std::int64_t kTokens = 77, kSizes = 6;
  std::int64_t channels = 0;
  for (const UNetConfig::Stage& stage : config.down) channels = std::max(channels, stage.prompt_channels);
  UNet::Prompt prompt{
      .tokens = cast(ctx, noise(ctx, {batch, kTokens, channels}), ctx.type), .guidance = guidance, .silent = silent};
  if (config.added_channels > 0) {
    const std::int64_t pooled = config.added_channels - kSizes * config.size_channels;
    prompt.pooled = cast(ctx, noise(ctx, {batch, pooled}), ctx.type);
    prompt.sizes.assign(static_cast<std::size_t>(batch * kSizes), 512.0f);
  }
  return prompt;
}

/// A part's row, and those of its ops.
void measure(const char* what, const BenchOptions& options, Device& device, const Prepare& prepare, const OnRow& tell) {
  BenchRow row = row_of(what, run_calls(options.warmup, options.repeat, device, prepare), device);
  if (row.what == "unet") row.steps_per_second = 1 / row.median;
  tell(row);
  if (options.ops) bench_ops(options, device, prepare, tell);
}

void bench_image(const BenchOptions& options, const OnRow& tell) {
  Engine engine(options.engine);
  const Device device = make_device(options.engine);
  const Request request{.prompt = "a red apple, 3d",
                        .negative = options.negative,
                        .steps = options.steps,
                        .guidance = options.guidance,
                        .width = options.width,
                        .height = options.height,
                        .seed = 1,
                        .batch = options.batch};
  Calls calls;
  std::vector<double> rates;
  for (int i = 0; i < options.warmup + options.repeat; ++i) {
    const Stopwatch time;
    const Result result = engine.generate(request);
    calls.peak_bytes = std::max(calls.peak_bytes, result.report.peak_bytes);
    calls.offloaded_bytes = result.report.offloaded_bytes;
    calls.flops = result.report.flops;
    if (i < options.warmup) continue;
    calls.seconds.push_back(time.seconds());
    rates.push_back(result.report.steps_per_second);
  }
  BenchRow row = row_of("image", calls, device);
  row.steps_per_second = median(rates);
  row.pictures_per_minute = 60.0 * options.batch / row.median;
  tell(row);
}

void bench_unet(const BenchOptions& options, const OnRow& tell) {
  Device device = make_device(options.engine);
  const auto files = open_model(choice_of(options.engine));
  const UNet unet = build_unet(files->config("unet"), files->weights("unet"));
  const std::int64_t reduction = load_autoencoder(*files, options.engine.vae).reduction();
  const std::int64_t batch = options.batch * halves(options, unet.config());
  const bool zeros = files->index().flag("force_zeros_for_empty_prompt", false) && !options.negative;
  const std::int64_t silent = zeros ? batch - options.batch : 0;
  const std::int64_t latents = unet.shares_parts() ? options.batch : batch;
  const Shape shape = latent_shape(options, latents, reduction, unet.config().in_channels);
  const auto prepare = [&](Context& ctx) -> Call {
    auto conditioning = unet.prepare(ctx, random_prompt(ctx, unet.config(), batch, options.guidance, silent));
    const std::vector<float> times(static_cast<std::size_t>(batch), 500.0f);
    return [&unet, conditioning = std::move(conditioning), latents = noise(ctx, shape),
            timesteps = ctx.upload(times, {batch}), replay = std::make_shared<Replay>()](Context& c) {
      (*replay)(c, {}, [&](Context& inner) { unet(inner, latents, timesteps, conditioning); });
    };
  };
  measure("unet", options, device, prepare, tell);
}

/// As the pipeline decodes: one picture at a time.
void bench_vae(const BenchOptions& options, const OnRow& tell) {
  Device device = make_device(options.engine);
  const auto files = open_model(choice_of(options.engine));
  const Autoencoder vae = load_autoencoder(*files, options.engine.vae);
  const Shape shape = latent_shape(options, 1, vae.reduction(), vae.latent_channels());
  const auto prepare = [&](Context& ctx) -> Call {
    return [&, latents = noise(ctx, shape)](Context& c) {
      for (int i = 0; i < options.batch; ++i) vae.decode(c, latents, false);
    };
  };
  measure("vae", options, device, prepare, tell);
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
  const auto prepare = [&](Context&) -> Call {
    return [&](Context& c) {
      for (const ClipText& text : encoders) {
        std::vector<std::int32_t> ids(static_cast<std::size_t>(text.config().positions));
        std::iota(ids.begin(), ids.end(), 0);
        text(c, std::vector(options.guidance > 1 ? 2u : 1u, ids));
      }
    };
  };
  measure("text", options, device, prepare, tell);
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

void check_options(const BenchOptions& options) {
  for (const std::string& name : options.what) find_part(name);
  check(options.ops || options.compare.empty(), ErrorCode::usage, "compare: compares ops; add --ops");
  if (!options.compare.empty()) make_device(options.engine).backend->operations().prefer(options.compare);
  check_range("batch", options.batch, 1, 256);
  check_range("steps", options.steps, 1, 1000);
  check_range("warmup", options.warmup, 0, 1000);
  check_range("repeat", options.repeat, 1, 1000);
  check_range("width", options.width, 8, 16384);
  check_range("height", options.height, 8, 16384);
  check_range("guidance", options.guidance, 0, 100);
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
