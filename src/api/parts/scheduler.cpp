#include "sumi/parts/scheduler.h"

#include <array>

#include "api/parts/state.h"
#include "core/threads.h"
#include "ops/elementwise.h"
#include "pipelines/choices.h"
#include "pipelines/latents.h"
#include "pipelines/slots.h"

namespace sumi::parts {

struct Scheduler::State {
  State(const Model& on, Schedule steps) : model(on), schedule(std::move(steps)) {}

  const Step& at(int step) const {
    check(step >= 0 && step < static_cast<int>(schedule.steps.size()), ErrorCode::usage, "step {}: there are 0 to {}",
          step, schedule.steps.size() - 1);
    return schedule.steps[static_cast<std::size_t>(step)];
  }
  /// The sum of two latents, each with a coefficient.
  Latents sum(double a, const Latents& x, double b, const Latents& y) const;
  Latents scaled(double a, const Latents& x) const;
  /// Memory for a run on latents of this shape.
  void open(const LatentShape& shape, sumi::Noise& noise);

  Model model;
  Schedule schedule;
  std::optional<Workspace> workspace;
  std::optional<Slots> slots;
  int next = 0;  ///< of the steps
};

Latents Scheduler::State::sum(double a, const Latents& x, double b, const Latents& y) const {
  check(x.shape() == y.shape(), ErrorCode::usage, "latents of different shapes: {} and {}", x.shape().text(),
        y.shape().text());
  Latents made;
  model.state().run([&](Context& ctx) {
    const std::array terms{Term{a, upload_latents(ctx, x)}, Term{b, upload_latents(ctx, y)}};
    made = download_latents(ctx, combine(ctx, terms));
  });
  return made;
}

Latents Scheduler::State::scaled(double a, const Latents& x) const {
  Latents made;
  model.state().run([&](Context& ctx) {
    made = download_latents(ctx, combine(ctx, std::array{Term{a, upload_latents(ctx, x)}}));
  });
  return made;
}

void Scheduler::State::open(const LatentShape& shape, sumi::Noise& noise) {
  slots.reset();
  workspace.reset();
  const auto slots_in = [&](Context& ctx) {
    return Slots(ctx, schedule.kept, ctx.tensor(tensor_shape(shape), DType::f32));
  };
  Session& session = model.state().session;
  const Booked booked = model.state().session.plan([&](Context& ctx) {
    Slots dry = slots_in(ctx);
    for (const Step& step : schedule.steps) dry.apply(ctx, step, upload_latents(ctx, Latents(shape)), noise);
  });
  workspace.emplace(session.open(booked));
  Context ctx = workspace->context();
  slots.emplace(slots_in(ctx));
}

Scheduler::Scheduler(const Model& model, int steps, const Sampling& sampling, std::optional<double> strength)
    : state_(std::make_unique<State>(
          model, settle_schedule(resolve(model.state().model->scheduler, sampling), sampling, steps, strength))) {}
Scheduler::Scheduler(Scheduler&&) noexcept = default;
Scheduler& Scheduler::operator=(Scheduler&&) noexcept = default;
Scheduler::~Scheduler() = default;

int Scheduler::size() const { return static_cast<int>(state_->schedule.steps.size()); }
double Scheduler::timestep(int step) const { return state_->at(step).timestep; }

Latents Scheduler::begin(const Latents& noise) const { return state_->scaled(state_->schedule.initial_sigma, noise); }

Latents Scheduler::add_noise(int step, const Latents& clean, const Latents& noise) const {
  if (step == size()) return clean;
  const Step& s = state_->at(step);
  return state_->sum(s.signal, clean, s.noise, noise);
}

Latents Scheduler::scale_input(int step, const Latents& latents) const {
  return state_->scaled(state_->at(step).input_scale, latents);
}

Latents Scheduler::estimate(int step, const Latents& prediction, const Latents& latents) const {
  const Step& s = state_->at(step);
  return state_->sum(s.estimate_sample, latents, s.estimate_prediction, prediction);
}

Latents Scheduler::step(int step, const Latents& prediction, const Latents& latents, Noise& noise) {
  State& s = *state_;
  const Step& now = s.at(step);
  const LatentShape& shape = latents.shape();
  check(prediction.shape() == shape && noise.shape() == shape, ErrorCode::usage,
        "step of latents {}: the prediction is {}, the noise {}", shape.text(), prediction.shape().text(),
        noise.shape().text());
  check(step == 0 || (step == s.next && shape == latent_shape(s.slots->sample().shape())), ErrorCode::usage,
        "step {} of latents {}: steps go in order, from 0 on, on latents of one shape", step, shape.text());
  set_threads(s.model.state().options.threads);
  if (!s.slots || shape != latent_shape(s.slots->sample().shape())) s.open(shape, noise.state().noise);
  Context ctx = s.workspace->context();
  overwrite_latents(ctx, latents, s.slots->sample());
  s.slots->apply(ctx, now, upload_latents(ctx, prediction), noise.state().noise);
  s.next = step + 1;
  return download_latents(ctx, s.slots->sample());
}

}  // namespace sumi::parts
