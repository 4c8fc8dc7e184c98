#include "pipelines/denoise.h"

#include <array>
#include <map>

#include "core/stopwatch.h"
#include "ops/elementwise.h"
#include "pipelines/beginning.h"
#include "pipelines/latents.h"
#include "pipelines/predictor.h"
#include "pipelines/slots.h"

namespace sumi {
namespace {

using Phase = Progress::Phase;

/// The time of one phase, told to the watcher.
class Clock {
 public:
  Clock(const Watch& watch, Context& ctx, Phase phase, int steps)
      : watch_(watch), ctx_(ctx), phase_(phase), steps_(steps) {}

  void tell(int step) const { tell(Progress{.step = step}); }
  /// Adds the phase and its times.
  void tell(Progress progress) const {
    if (!watch_.progress || ctx_.backend.dry()) return;
    ctx_.backend.finish();
    progress.phase = phase_;
    progress.steps = steps_;
    progress.seconds = time_.seconds();
    if (progress.step > 0 && progress.seconds > 0) progress.steps_per_second = progress.step / progress.seconds;
    watch_.progress(progress);
  }

 private:
  const Watch& watch_;
  Context& ctx_;
  Phase phase_;
  int steps_;
  Stopwatch time_;
};

Predictor read_prompt(Context& ctx, const Model& model, const Job& job, const Watch& watch, const Shape& latents) {
  const Trace::Span span(ctx.trace, "phase", "text");
  const Clock clock(watch, ctx, Phase::text, 1);
  clock.tell(0);
  Predictor predictor(ctx, model, job, latents);
  clock.tell(1);
  return predictor;
}

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
    const std::vector<bool> kind = predict_.call(step).kind();
    const auto known = flops_.find(kind);
    if (ctx.backend.dry() && known != flops_.end()) {
      ctx.flops += known->second;
      return ctx.tensor(latents.shape(), DType::f32);
    }
    const double before = ctx.flops;
    Tensor prediction = predict_(ctx, step, latents);
    flops_[kind] = ctx.flops - before;
    return prediction;
  }

 private:
  Predictor& predict_;
  std::map<std::vector<bool>, double> flops_;
};

/// Tells of each step, and lets the watcher look at the latents and replace them.
class StepTeller {
 public:
  StepTeller(Context& ctx, const Model& model, const Job& job, const Watch& watch, const Slots& slots)
      : ctx_(ctx),
        model_(model),
        job_(job),
        watch_(watch),
        slots_(slots),
        clock_(watch, ctx, Phase::denoise, static_cast<int>(job.schedule.steps.size())) {}

  /// The finished latents as a step's input and prediction estimate them, of the first picture; absent where nobody
  /// may ask for them.
  Tensor estimate(const Step& step, const Tensor& prediction) const {
    if (!watch_.previews) return {};
    return combine(ctx_, std::array{Term{step.estimate_sample, slots_.sample().slice(0, 1)},
                                    Term{step.estimate_prediction, prediction.slice(0, 1)}});
  }

  void tell(std::size_t done, const Tensor& estimate) const {
    const auto preview = [&] { return to_image(decode(ctx_, model_, estimate, job_.vae_tiling), 0); };
    if (estimate && ctx_.backend.dry() && done == 1) preview();
    clock_.tell({.step = static_cast<int>(done),
                 .preview = estimate ? std::function<Image()>(preview) : nullptr,
                 .timestep = done > 0 ? job_.schedule.steps[done - 1].timestep : 0,
                 .latents = [this] { return download_latents(ctx_, slots_.sample()); },
                 .replace = [this](const Latents& latents) { overwrite_latents(ctx_, latents, slots_.sample()); }});
  }

 private:
  Context& ctx_;
  const Model& model_;
  const Job& job_;
  const Watch& watch_;
  const Slots& slots_;
  Clock clock_;
};

}  // namespace

Tensor denoise(Context& ctx, const Model& model, const Job& job, const Watch& watch, const Tensor& from) {
  const std::int64_t reduction = model.vae.reduction();
  const Shape shape{static_cast<std::int64_t>(job.seeds.size()), job.height / reduction, job.width / reduction,
                    model.latent_channels()};
  Predictor predictor = read_prompt(ctx, model, job, watch, shape);
  const Trace::Span span(ctx.trace, "phase", "denoise");
  Noise noise(job.rng, job.seeds, shape, job.variation);
  Beginning beginning = from ? Beginning{.latents = from} : begin(ctx, model, job, noise);
  predictor.set_extra(ctx, beginning.extra);
  beginning.extra = {};
  Slots slots(ctx, job.schedule.kept, std::move(beginning.latents));
  PredictionOfKind predict(predictor);
  const std::vector<Step>& steps = job.schedule.steps;
  const StepTeller teller(ctx, model, job, watch, slots);
  teller.tell(0, {});
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const Trace::Span step_span(ctx.trace, "step", fmt::format("step {}", i + 1));
    const Tensor prediction = predict(ctx, i, slots.sample());
    const Tensor estimate = teller.estimate(steps[i], prediction);
    slots.apply(ctx, steps[i], prediction, noise);
    if (beginning.kept) put_back(ctx, *beginning.kept, i + 1 < steps.size() ? &steps[i + 1] : nullptr, slots.sample());
    teller.tell(i + 1, estimate);
  }
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
