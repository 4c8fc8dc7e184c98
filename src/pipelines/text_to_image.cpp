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

bool guided(const Model& model, const Job& job) { return job.guidance > 1 && !model.unet.config().time_cond_proj_dim; }

/// The prompt as the UNet needs it: with guidance, first the rows of the negative prompt, then those of the prompt.
UNet::Conditioning condition(Context& ctx, const Model& model, const Job& job) {
  std::vector<std::string> prompts(job.seeds.size(), job.prompt);
  if (guided(model, job)) prompts.insert(prompts.begin(), job.seeds.size(), job.negative);
  return model.unet.prepare(ctx, encode_prompts(ctx, model, prompts, job.clip_skip));
}

/// For UNets that take the guidance scale as an input (Luo et al., 2023): sinusoids of 1000 (w - 1).
Tensor guidance_embedding(Context& ctx, const Model& model, const Job& job) {
  const auto channels = model.unet.config().time_cond_proj_dim;
  if (!channels) return {};
  const std::vector<float> scales(job.seeds.size(), static_cast<float>((job.guidance - 1) * 1000));
  const Tensor w = ctx.upload(scales, {static_cast<std::int64_t>(scales.size())});
  return sinusoid(ctx, w, *channels, {.shift = 1, .cosine_first = false});
}

/// The UNet's prediction for the latents at one step, guided.
class Predictor {
 public:
  Predictor(Context& ctx, const Model& model, const Job& job)
      : model_(model),
        job_(job),
        halves_(guided(model, job) ? 2 : 1),
        conditioning_(condition(ctx, model, job)),
        guidance_embedding_(guidance_embedding(ctx, model, job)) {}

  Tensor operator()(Context& ctx, const Step& step, const Tensor& latents) const {
    const std::int64_t n = latents.size(0);
    Shape shape = latents.shape();
    shape[0] *= halves_;
    Tensor input = ctx.tensor(shape, DType::f32);
    for (std::int64_t half = 0; half < halves_; ++half) {
      combine(ctx, std::array{Term{step.input_scale, latents}}, {.into = input.slice(half * n, (half + 1) * n)});
    }
    const std::vector<float> times(static_cast<std::size_t>(shape[0]), static_cast<float>(step.timestep));
    const Tensor timesteps = ctx.upload(times, {shape[0]});
    Tensor prediction = model_.unet(ctx, input, timesteps, conditioning_, guidance_embedding_);
    return halves_ == 2 ? guide(ctx, prediction, job_.guidance, job_.guidance_rescale) : prediction;
  }

 private:
  const Model& model_;
  const Job& job_;
  std::int64_t halves_;
  UNet::Conditioning conditioning_;
  Tensor guidance_embedding_;
};

}  // namespace
}  // namespace sumi
