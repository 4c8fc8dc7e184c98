#include "pipelines/text_to_image.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>

#include "core/rng.h"
#include "ops/elementwise.h"
#include "ops/layout.h"
#include "pipelines/prompt.h"

namespace sumi {
namespace {

using Phase = Progress::Phase;

/// The time of one phase, told to the watcher.
class Clock {
 public:
  Clock(const Watch& watch, Context& ctx, Phase phase, int steps)
      : watch_(watch), ctx_(ctx), phase_(phase), steps_(steps) {}

  void tell(int step, std::function<Image()> preview = {}) const {
    if (!watch_.progress || ctx_.backend.dry()) return;
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
    watch_.progress({.phase = phase_,
                     .step = step,
                     .steps = steps_,
                     .seconds = seconds,
                     .steps_per_second = step > 0 && seconds > 0 ? step / seconds : 0,
                     .preview = std::move(preview)});
  }

 private:
  const Watch& watch_;
  Context& ctx_;
  Phase phase_;
  int steps_;
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

/// One generator a picture: its noise is that of its seed alone, whatever the batch.
class Noise {
 public:
  Noise(const Job& job, Shape latents) : shape_(latents) {
    for (const std::uint64_t seed : job.seeds) sources_.push_back(make_noise(job.rng, seed));
  }

  /// Draws in the reference's order, channels outermost, and gives channels last.
  Tensor draw(Context& ctx) {
    const std::int64_t pixels = shape_[1] * shape_[2], channels = shape_[3];
    std::vector<float> drawn(static_cast<std::size_t>(pixels * channels)), values;
    values.reserve(drawn.size() * sources_.size());
    for (auto& source : sources_) {
      if (!ctx.backend.dry()) source->fill(drawn);
      for (std::int64_t pixel = 0; pixel < pixels; ++pixel)
        for (std::int64_t c = 0; c < channels; ++c)
          values.push_back(drawn[static_cast<std::size_t>(c * pixels + pixel)]);
    }
    return ctx.upload(values, shape_);
  }

 private:
  Shape shape_;
  std::vector<std::unique_ptr<NoiseSource>> sources_;
};

/// Models that take the guidance scale as an input do without the unconditional half.
bool guided(const Model& model, const Job& job) { return job.guidance > 1 && !model.unet.config().guidance_channels; }

/// The prompt as the UNet needs it: with guidance, first the rows of the negative prompt, then those of the prompt.
UNet::Conditioning condition(Context& ctx, const Model& model, const Job& job, const Watch& watch) {
  const Trace::Span span(ctx.trace, "phase", "text");
  const Clock clock(watch, ctx, Phase::text, 1);
  clock.tell(0);
  std::vector<PromptText> prompts(job.seeds.size(), {job.prompt, job.clip_skip});
  // Clip skip concerns the prompt alone, as in the reference.
  if (guided(model, job)) prompts.insert(prompts.begin(), job.seeds.size(), {job.negative});
  const Tensor tokens = encode_prompts(ctx, model, prompts);
  UNet::Conditioning conditioning = model.unet.prepare(ctx, {.tokens = tokens, .guidance = job.guidance});
  clock.tell(1);
  return conditioning;
}

/// The guided prediction of the UNet for the latents at one step.
class Predictor {
 public:
  Predictor(const Model& model, const Job& job, UNet::Conditioning conditioning)
      : model_(model), job_(job), halves_(guided(model, job) ? 2 : 1), conditioning_(std::move(conditioning)) {}

  Tensor operator()(Context& ctx, const Step& step, const Tensor& latents) const {
    const std::int64_t n = latents.size(0);
    Shape shape = latents.shape();
    shape[0] *= halves_;
    const Tensor input = ctx.tensor(shape, DType::f32);
    for (std::int64_t half = 0; half < halves_; ++half) {
      combine(ctx, std::array{Term{step.input_scale, latents}}, {.into = input.slice(half * n, (half + 1) * n)});
    }
    const std::vector<float> times(static_cast<std::size_t>(shape[0]), static_cast<float>(step.timestep));
    const Tensor prediction = model_.unet(ctx, input, ctx.upload(times, {shape[0]}), conditioning_);
    return halves_ == 2 ? guide(ctx, prediction, job_.guidance, job_.guidance_rescale) : prediction;
  }

 private:
  const Model& model_;
  const Job& job_;
  std::int64_t halves_;
  UNet::Conditioning conditioning_;
};

/// The tensors that a sampler's arithmetic works on, by slot.
class Slots {
 public:
  Slots(Context& ctx, const Schedule& schedule, Noise& noise) : noise_(noise) {
    slots_.resize(static_cast<std::size_t>(kept(schedule.kept)));
    const Tensor start = noise.draw(ctx);
    at(Slot::sample) = combine(ctx, std::array{Term{schedule.initial_sigma, start}});
    for (int i = 0; i < schedule.kept; ++i) at(kept(i)) = ctx.tensor(start.shape(), DType::f32);
  }

  const Tensor& sample() const { return slots_[static_cast<std::size_t>(Slot::sample)]; }

  void apply(Context& ctx, const Step& step, const Tensor& prediction) {
    at(Slot::prediction) = prediction;
    for (const Combination& update : step.updates) {
      std::vector<Term> terms;
      for (const auto& term : update.terms) {
        if (term.slot == Slot::noise && !at(Slot::noise)) at(Slot::noise) = noise_.draw(ctx);
        terms.push_back({term.coefficient, at(term.slot)});
      }
      combine(ctx, terms, {.limit = update.limit, .into = at(update.to)});
    }
    at(Slot::prediction) = at(Slot::noise) = {};
  }

 private:
  Tensor& at(Slot slot) { return slots_[static_cast<std::size_t>(slot)]; }

  Noise& noise_;
  std::vector<Tensor> slots_;
};

/// Pictures of 0..1 from latents, one at a time: a decode's activations are the largest of all.
Pixels decode(Context& ctx, const Model& model, const Tensor& latents) {
  const VaeConfig& config = model.vae.config();
  Pixels pixels{latents.size(0), latents.size(1) * config.reduction(), latents.size(2) * config.reduction(), {}};
  for (std::int64_t i = 0; i < pixels.batch; ++i) {
    const Tensor latent = combine(ctx, std::array{Term{1 / config.scaling_factor, latents.slice(i, i + 1)}});
    for (const float value : ctx.download(model.vae.decode(ctx, latent))) {
      pixels.values.push_back(std::clamp(value / 2 + 0.5f, 0.0f, 1.0f));
    }
  }
  return pixels;
}

/// From noise to latents, step by step. In a dry run the model is called once: every step needs the same memory.
Tensor denoise(Context& ctx, const Model& model, const Job& job, UNet::Conditioning conditioning, const Watch& watch) {
  const Predictor predict(model, job, std::move(conditioning));
  const Trace::Span span(ctx.trace, "phase", "denoise");
  const int steps = static_cast<int>(job.schedule.steps.size());
  const Clock clock(watch, ctx, Phase::denoise, steps);
  Noise noise(job, {static_cast<std::int64_t>(job.seeds.size()), job.height / model.vae.config().reduction(),
                    job.width / model.vae.config().reduction(), model.vae.config().latent_channels});
  Slots slots(ctx, job.schedule, noise);
  double flops_of_call = 0;
  for (int i = 0; i < steps; ++i) {
    const Step& step = job.schedule.steps[static_cast<std::size_t>(i)];
    const Trace::Span step_span(ctx.trace, "step", fmt::format("step {}", i + 1));
    Tensor prediction;
    if (!ctx.backend.dry() || i == 0) {
      const double before = ctx.flops;
      prediction = predict(ctx, step, slots.sample());
      flops_of_call = ctx.flops - before;
    } else {
      prediction = ctx.tensor(slots.sample().shape(), DType::f32);
      ctx.flops += flops_of_call;
    }
    const auto estimate = [&] {
      const Tensor latents = combine(
          ctx, std::array{Term{step.estimate_sample, slots.sample()}, Term{step.estimate_prediction, prediction}});
      return to_image(decode(ctx, model, latents.slice(0, 1)), 0);
    };
    if (watch.previews && ctx.backend.dry() && i == 0) estimate();
    clock.tell(i, watch.previews ? std::function<Image()>(estimate) : nullptr);
    slots.apply(ctx, step, prediction);
    if (watch.step) watch.step(i, step.timestep, ctx, slots.sample());
  }
  clock.tell(steps);
  return slots.sample();
}

}  // namespace

Image to_image(const Pixels& pixels, std::int64_t picture) {
  Image image{.width = static_cast<int>(pixels.width), .height = static_cast<int>(pixels.height)};
  const auto size = static_cast<std::size_t>(pixels.width * pixels.height * 3);
  for (const float value : std::span(pixels.values).subspan(static_cast<std::size_t>(picture) * size, size)) {
    image.rgb.push_back(static_cast<std::uint8_t>(std::nearbyint(value * 255)));
  }
  return image;
}

Pixels text_to_image(Context& ctx, const Model& model, const Job& job, const Watch& watch) {
  const Tensor latents = denoise(ctx, model, job, condition(ctx, model, job, watch), watch);
  const Trace::Span span(ctx.trace, "phase", "decode");
  const Clock clock(watch, ctx, Phase::decode, 1);
  clock.tell(0);
  Pixels pixels = decode(ctx, model, latents);
  clock.tell(1);
  return pixels;
}

}  // namespace sumi
