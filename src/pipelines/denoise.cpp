#include "pipelines/denoise.h"

#include <array>
#include <chrono>
#include <map>

#include "ops/elementwise.h"
#include "pipelines/beginning.h"
#include "pipelines/predictor.h"

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

Predictor read_prompt(Context& ctx, const Model& model, const Job& job, const Watch& watch) {
  const Trace::Span span(ctx.trace, "phase", "text");
  const Clock clock(watch, ctx, Phase::text, 1);
  clock.tell(0);
  Predictor predictor(ctx, model, job);
  clock.tell(1);
  return predictor;
}

/// The tensors that a sampler's arithmetic works on, by slot.
class Slots {
 public:
  Slots(Context& ctx, const Schedule& schedule, Noise& noise, Tensor sample) : noise_(noise) {
    slots_.resize(static_cast<std::size_t>(kept(schedule.kept)));
    for (int i = 0; i < schedule.kept; ++i) at(kept(i)) = ctx.tensor(sample.shape(), DType::f32);
    at(Slot::sample) = std::move(sample);
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

/// Puts back what is not painted, as noisy as the next step expects it.
void put_back(Context& ctx, const Beginning::Kept& kept, const Step* next, const Tensor& latents) {
  const Tensor original =
      combine(ctx, std::array{Term{next ? next->signal : 1, kept.latents}, Term{next ? next->noise : 0, kept.noise}});
  blend(ctx, kept.painted, latents, original, latents);
}

/// The UNet at each step. In a dry run it is called once for every kind of step: those of a kind need the same memory.
class PredictionOfKind {
 public:
  explicit PredictionOfKind(Predictor& predict) : predict_(predict) {}

  Tensor operator()(Context& ctx, std::size_t step, const Tensor& latents) {
    const auto known = flops_.find(predict_.kind(step));
    if (ctx.backend.dry() && known != flops_.end()) {
      ctx.flops += known->second;
      return ctx.tensor(latents.shape(), DType::f32);
    }
    const double before = ctx.flops;
    Tensor prediction = predict_(ctx, step, latents);
    flops_[predict_.kind(step)] = ctx.flops - before;
    return prediction;
  }

 private:
  Predictor& predict_;
  std::map<int, double> flops_;
};

}  // namespace

Tensor denoise(Context& ctx, const Model& model, const Job& job, const Watch& watch, const Tensor& from) {
  Predictor predictor = read_prompt(ctx, model, job, watch);
  const Trace::Span span(ctx.trace, "phase", "denoise");
  const std::int64_t reduction = model.vae.reduction();
  const Shape shape{static_cast<std::int64_t>(job.seeds.size()), job.height / reduction, job.width / reduction,
                    model.latent_channels()};
  Noise noise(job.rng, job.seeds, shape, job.variation);
  Beginning beginning = from ? Beginning{.latents = from} : begin(ctx, model, job, noise);
  predictor.set_extra(ctx, beginning.extra);
  beginning.extra = {};
  Slots slots(ctx, job.schedule, noise, std::move(beginning.latents));
  PredictionOfKind predict(predictor);
  const std::vector<Step>& steps = job.schedule.steps;
  const Clock clock(watch, ctx, Phase::denoise, static_cast<int>(steps.size()));
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const Trace::Span step_span(ctx.trace, "step", fmt::format("step {}", i + 1));
    const Tensor prediction = predict(ctx, i, slots.sample());
    const auto estimate = [&] {
      const Tensor latents = combine(ctx, std::array{Term{steps[i].estimate_sample, slots.sample()},
                                                     Term{steps[i].estimate_prediction, prediction}});
      return to_image(decode(ctx, model, latents.slice(0, 1), job.vae_tiling), 0);
    };
    if (watch.previews && ctx.backend.dry() && i == 0) estimate();
    clock.tell(static_cast<int>(i), watch.previews ? std::function<Image()>(estimate) : nullptr);
    slots.apply(ctx, steps[i], prediction);
    if (beginning.kept) put_back(ctx, *beginning.kept, i + 1 < steps.size() ? &steps[i + 1] : nullptr, slots.sample());
    if (watch.step) watch.step(static_cast<int>(i), steps[i].timestep, ctx, slots.sample());
  }
  clock.tell(static_cast<int>(steps.size()));
  return slots.sample();
}

Tensor make_latents(Context& ctx, const Model& model, const Job& job, const Watch& watch, const Refining* refining) {
  const Tensor latents = denoise(ctx, model, job, watch);
  return refining ? denoise(ctx, refining->model, refining->job, watch, latents) : latents;
}

Pixels make_pictures(Context& ctx, const Model& model, const Job& job, const Watch& watch, const Refining* refining) {
  const Tensor latents = make_latents(ctx, model, job, watch, refining);
  const Trace::Span span(ctx.trace, "phase", "decode");
  const Clock clock(watch, ctx, Phase::decode, 1);
  clock.tell(0);
  Pixels pixels = decode(ctx, model, latents, job.vae_tiling);
  clock.tell(1);
  return pixels;
}

}  // namespace sumi
