#include "pipelines/text_to_image.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <optional>

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
        for (std::int64_t c = 0; c < channels; ++c) values.push_back(drawn[static_cast<std::size_t>(c * pixels + pixel)]);
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
UNet::Conditioning condition(Context& ctx, const Model& model, const Job& job) {
  std::vector<std::string> prompts(job.seeds.size(), job.prompt);
  if (guided(model, job)) prompts.insert(prompts.begin(), job.seeds.size(), job.negative);
  return model.unet.prepare(ctx, {.tokens = encode_prompts(ctx, model, prompts, job.clip_skip), .guidance = job.guidance});
}

/// The guided prediction of the UNet for the latents at one step.
class Predictor {
 public:
  Predictor(Context& ctx, const Model& model, const Job& job)
      : model_(model), job_(job), halves_(guided(model, job) ? 2 : 1), conditioning_(condition(ctx, model, job)) {}

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
  Slots(Context& ctx, const Schedule& schedule, Tensor sample) : sample_(std::move(sample)) {
    for (int i = 0; i < schedule.kept; ++i) kept_.push_back(ctx.tensor(sample_.shape(), DType::f32));
  }

  const Tensor& sample() const { return sample_; }

  void apply(Context& ctx, const Step& step, const Tensor& prediction, const std::function<Tensor()>& draw) {
    Tensor noise;
    for (const Combination& update : step.updates) {
      std::vector<Term> terms;
      for (const auto& term : update.terms) {
        if (term.slot == Slot::noise && !noise) noise = draw();
        terms.push_back({term.coefficient, at(term.slot, prediction, noise)});
      }
      combine(ctx, terms, {.limit = update.limit, .into = at(update.to, prediction, noise)});
    }
  }

 private:
  const Tensor& at(Slot slot, const Tensor& prediction, const Tensor& noise) const;

  Tensor sample_;
  std::vector<Tensor> kept_;
};

Image to_image(const Pixels& pixels, std::int64_t picture);

/// Pictures of 0..1 from latents, one at a time: the activations of a decode are the largest of all.
Pixels decode(Context& ctx, const Model& model, const Tensor& latents, const Watch& watch) {
  const Trace::Span span(ctx.trace, "phase", "decode");
  const VaeConfig& config = model.vae.config();
  const std::int64_t batch = latents.size(0);
  const Clock clock(watch, ctx, Phase::decode, static_cast<int>(batch));
  Pixels pixels{batch, latents.size(1) * config.reduction(), latents.size(2) * config.reduction(), {}};
  for (std::int64_t i = 0; i < batch; ++i) {
    clock.tell(static_cast<int>(i));
    Tensor latent = combine(ctx, std::array{Term{1 / config.scaling_factor, latents.slice(i, i + 1)}});
    for (const float value : ctx.download(model.vae.decode(ctx, latent))) {
      pixels.values.push_back(std::clamp(value / 2 + 0.5f, 0.0f, 1.0f));
    }
  }
  clock.tell(static_cast<int>(batch));
  return pixels;
}

}  // namespace
}  // namespace sumi
