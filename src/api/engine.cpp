#include "sumi/engine.h"

#include <array>
#include <chrono>

#include "api/device.h"
#include "api/parameters.h"
#include "core/process.h"
#include "core/threads.h"
#include "pipelines/session.h"
#include "pipelines/text_to_image.h"
#include "sumi/inspect.h"

namespace sumi {
namespace {

using Clock = std::chrono::steady_clock;
using Phase = Progress::Phase;

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

/// Passes progress on, and keeps how long each phase took.
class Phases {
 public:
  explicit Phases(const OnProgress& progress) : progress_(progress) {}

  void tell(const Progress& progress) {
    last_[static_cast<std::size_t>(progress.phase)] = progress;
    if (progress_) progress_(progress);
  }
  const Progress& last(Phase phase) const { return last_[static_cast<std::size_t>(phase)]; }

 private:
  const OnProgress& progress_;
  std::array<Progress, 4> last_{};
};

}  // namespace

/// Everything that lasts from run to run.
struct Engine::State {
  explicit State(const EngineOptions& chosen)
      : options(chosen),
        device(make_device(chosen)),
        model(load_model(chosen.model)),
        session(*device.backend, device.type),
        load_seconds(seconds_since(begin)) {}

  Report describe(const Job& job, const Request& request) const;

  Clock::time_point begin = Clock::now();
  EngineOptions options;
  Device device;
  std::unique_ptr<Model> model;
  Session session;
  double load_seconds;  ///< not yet reported
};

Report Engine::State::describe(const Job& job, const Request& request) const {
  return {.version = version(),
          .model = model->name,
          .device = std::string(device.backend->name()),
          .dtype = std::string(name_of(device.type)),
          .sampler = job.scheduler.sampler,
          .schedule = job.scheduler.schedule,
          .spacing = job.scheduler.spacing,
          .prediction = std::string(name_of(job.scheduler.prediction)),
          .steps = request.steps.value_or(model->defaults.steps),
          .threads = threads(),
          .clip_skip = job.clip_skip,
          .guidance = job.guidance,
          .guidance_rescale = job.guidance_rescale,
          .eta = request.sampling.eta,
          .rng = job.rng,
          .prompt = job.prompt,
          .negative = request.negative,
          .notes = device.notes};
}

Engine::Engine(const EngineOptions& options) : state_(std::make_unique<State>(options)) {}
Engine::Engine(Engine&&) noexcept = default;
Engine& Engine::operator=(Engine&&) noexcept = default;
Engine::~Engine() = default;

Result Engine::generate(const Request& request, const Hooks& hooks) {
  State& s = *state_;
  set_threads(s.options.threads);
  const Job job = settle(*s.model, request);
  Result result{.report = s.describe(job, request)};
  Report& report = result.report;
  Phases phases(hooks.progress);
  Pixels pixels;
  const auto body = [&](Context& ctx) {
    pixels = text_to_image(
        ctx, *s.model, job,
        {.progress = [&](const Progress& progress) { phases.tell(progress); }, .previews = hooks.previews});
  };

  PeakMonitor monitor;
  const auto begin = Clock::now();
  phases.tell({.phase = Phase::load, .step = 0, .steps = 1});
  const Booked booked = s.session.plan(body);
  s.session.load(body, hooks.stop);
  report.load_seconds = std::exchange(s.load_seconds, 0) + seconds_since(begin);
  phases.tell({.phase = Phase::load, .step = 1, .steps = 1, .seconds = report.load_seconds});

  report.flops = booked.flops;
  report.planned_bytes = booked.activation_bytes;
  report.weight_bytes = *s.device.backend->booked();
  const std::size_t standing = anonymous_bytes(), known = report.weight_bytes + s.session.resident_bytes();
  report.fixed_bytes = standing > known ? standing - known : 0;

  Trace trace;
  s.session.run(booked, body, hooks.trace.empty() ? nullptr : &trace, hooks.stop);
  if (!hooks.trace.empty()) trace.write(hooks.trace);

  report.text_seconds = phases.last(Phase::text).seconds;
  report.denoise_seconds = phases.last(Phase::denoise).seconds;
  report.steps_per_second = phases.last(Phase::denoise).steps_per_second;
  report.decode_seconds = phases.last(Phase::decode).seconds;
  for (std::size_t i = 0; i < job.seeds.size(); ++i) {
    Image image = to_image(pixels, static_cast<std::int64_t>(i));
    image.text.emplace_back("parameters", parameters_text(report, job.seeds[i], image.width, image.height));
    result.pictures.push_back({std::move(image), job.seeds[i]});
  }
  report.peak_bytes = monitor.peak();
  return result;
}

void Engine::release() {
  // The packed forms live in the model's weights: a model read anew has none.
  state_->model = load_model(state_->options.model);
  state_->session.release();
}

}  // namespace sumi
