#include "sumi/engine.h"

#include <array>
#include <cmath>
#include <map>

#include "api/opened.h"
#include "api/parameters.h"
#include "api/report.h"
#include "api/safety.h"
#include "api/upscale.h"
#include "core/process.h"
#include "core/stopwatch.h"
#include "core/threads.h"
#include "pipelines/denoise.h"
#include "pipelines/enlarge.h"
#include "pipelines/latents.h"
#include "pipelines/overlay.h"

namespace sumi {
namespace {

using Phase = Progress::Phase;

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

/// What was done to the request's pictures that a user may not expect.
std::vector<std::string> notes_of(const Request& request) {
  if (!request.start || !request.mask) return {};
  const Image &picture = request.start->picture, &mask = request.mask->picture;
  if (mask.width == picture.width && mask.height == picture.height) return {};
  return {fmt::format("the mask of {} x {} pixels is resized to the picture's {} x {}", mask.width, mask.height,
                      picture.width, picture.height)};
}

}  // namespace

/// Everything that lasts from run to run.
struct Engine::State : Opened {
  using Opened::Opened;

  /// Where `latents` are wanted, they come instead of pixels: the pictures have a size alone.
  Result run(Request request, const Hooks& hooks, Latents* latents = nullptr);
  Job settle_refiner(const Request& request, const Job& job);
  Result run_twice(Request request, const Hooks& hooks);
  Start enlarge(const Request& request, const Picture& small, const Latents& latents, int width, int height);

  SafetyGuard safety;
  std::map<std::string, std::unique_ptr<Model>> refiners;
  double load_seconds = 0;  ///< not yet reported
};

Engine::Engine(const EngineOptions& options) {
  const Stopwatch loading;
  state_ = std::make_unique<State>(options);
  state_->load_seconds = loading.seconds();
}
Engine::Engine(Engine&&) noexcept = default;
Engine& Engine::operator=(Engine&&) noexcept = default;
Engine::~Engine() = default;

Result Engine::State::run(Request request, const Hooks& hooks, Latents* latents) {
  set_threads(options.threads);
  const Adapted adapted = extras.apply(*model, request);
  const FindControlNet find = [&](const std::string& name) { return extras.controlnet(*model, name); };
  if (request.refiner) request.sampling.to = request.refiner->start;
  const Job job = settle(*model, request, find);
  std::optional<Job> last;
  if (request.refiner) last = settle_refiner(request, job);
  const Refining refining{request.refiner ? *refiners.at(request.refiner->model) : *model, last ? *last : job};
  Result result{.report = report_of(*model, device, job, request)};
  Report& report = result.report;
  report.weights_beside = adapted.beside;
  report.weights_merged = adapted.merged;
  report.notes.insert(report.notes.end(), adapted.notes.begin(), adapted.notes.end());
  Phases phases(hooks.progress);
  Pixels pixels;
  const auto body = [&](Context& ctx) {
    const Watch watch{.progress = [&](const Progress& progress) { phases.tell(progress); }, .previews = hooks.previews};
    if (latents) {
      *latents = download_latents(ctx, make_latents(ctx, *model, job, watch, last ? &refining : nullptr));
    } else {
      pixels = make_pictures(ctx, *model, job, watch, last ? &refining : nullptr);
    }
  };

  PeakMonitor monitor;
  const Stopwatch loading;
  phases.tell({.phase = Phase::load, .step = 0, .steps = 1});
  const Booked booked = session.plan(body);
  session.load(booked, body, hooks.stop);
  report.load_seconds = std::exchange(load_seconds, 0) + loading.seconds();
  phases.tell({.phase = Phase::load, .step = 1, .steps = 1, .seconds = report.load_seconds});

  report.flops = booked.flops;
  report.factor_flops = booked.factor_flops;
  report.planned_bytes = booked.activation_bytes;
  report.weight_bytes = *device.backend->booked();
  const Offload offload = device.backend->offload();
  report.offloaded_bytes = offload.weights;
  report.offload_room_bytes = offload.room;
  const std::size_t standing = anonymous_bytes(), known = report.weight_bytes + session.resident_bytes();
  report.fixed_bytes = standing > known ? standing - known : 0;

  Trace trace;
  session.run(booked, body, hooks.trace.empty() ? nullptr : &trace, hooks.stop);
  if (!hooks.trace.empty()) trace.write(hooks.trace);

  report.text_seconds = phases.last(Phase::text).seconds;
  report.denoise_seconds = phases.last(Phase::denoise).seconds;
  report.steps_per_second = phases.last(Phase::denoise).steps_per_second;
  report.decode_seconds = phases.last(Phase::decode).seconds;
  for (std::size_t i = 0; i < job.seeds.size(); ++i) {
    Image image = latents ? Image{.width = static_cast<int>(job.width), .height = static_cast<int>(job.height)}
                          : to_image(pixels, static_cast<std::int64_t>(i));
    result.pictures.push_back({std::move(image), job.seeds[i], job.prompts[i]});
  }
  report.peak_bytes = device.peak_bytes(monitor);
  return result;
}

/// The same picture on the other model: what began it and what steers it is the first model's matter.
Job Engine::State::settle_refiner(const Request& request, const Job& job) {
  std::unique_ptr<Model>& refiner = refiners[request.refiner->model];
  if (!refiner) refiner = load_model({.name = request.refiner->model});
  check(refiner->latent_channels() == model->latent_channels(), ErrorCode::unsupported,
        "{}: works on {} latent channels, {} on {}", refiner->name, refiner->latent_channels(), model->name,
        model->latent_channels());
  Request rest = request;
  rest.width = static_cast<int>(job.width);
  rest.height = static_cast<int>(job.height);
  rest.seed = job.seeds.front();
  rest.sampling.from = request.refiner->start;
  rest.sampling.to = 1;
  rest.start.reset();
  rest.mask.reset();
  rest.controls.clear();
  rest.steps = job.steps;
  rest.guidance = job.guidance;
  return settle(*refiner, rest);
}

/// What the second run of a picture begins with.
Start Engine::State::enlarge(const Request& request, const Picture& small, const Latents& latents, int width,
                             int height) {
  const Hires& hires = *request.hires;
  if (!enlarges_latents(hires)) {
    return {.picture = enlarged(session, small.image, hires.upscaler, width, height), .strength = hires.strength};
  }
  const std::int64_t reduction = model->vae.reduction();
  return {.picture = request.start ? request.start->picture : Image{},
          .latents = enlarged(latents, height / reduction, width / reduction, hires.upscaler == kNearestLatents),
          .strength = hires.strength};
}

/// Small, and then each picture again from what it shows, larger.
Result Engine::State::run_twice(Request request, const Hooks& hooks) {
  const Hires& hires = *request.hires;
  check(!model->changes_pictures() || enlarges_latents(hires), ErrorCode::usage,
        "{}: this model would change the picture twice; take latent as the hires upscaler", model->name);
  extras.apply(*model, request);  // the prompts that pictures come with no longer name adapters
  Latents latents;
  const Result small = run(request, hooks, enlarges_latents(hires) ? &latents : nullptr);
  Result large{.report = small.report};
  const auto reduction = static_cast<int>(model->vae.reduction());
  const auto side = [&](int pixels) {
    return static_cast<int>(std::lround(pixels * hires.scale / reduction)) * reduction;
  };
  for (std::size_t i = 0; i < small.pictures.size(); ++i) {
    const Picture& picture = small.pictures[i];
    Request again = request;
    again.prompt = picture.prompt;
    again.prompts.clear();
    again.batch = 1;
    again.seed = picture.seed;
    again.width = side(picture.image.width);
    again.height = side(picture.image.height);
    const auto number = static_cast<std::int64_t>(i);
    again.start = enlarge(request, picture, latents.empty() ? Latents() : latents.pictures(number, number + 1),
                          *again.width, *again.height);
    if (again.mask) again.mask->blur = static_cast<int>(std::lround(again.mask->blur * hires.scale));
    Result result = run(again, hooks);
    add_times(large.report, result.report);
    large.pictures.push_back(std::move(result.pictures.front()));
  }
  return large;
}

Result Engine::generate(const Request& request, const Hooks& hooks) {
  State& s = *state_;
  const Overlay overlay(request, s.model->vae.reduction());
  if (request.hires) check_hires(*request.hires);
  if (request.safety != Safety::off) s.safety.open(s.options);
  Result result = request.hires ? s.run_twice(overlay.request(), hooks) : s.run(overlay.request(), hooks);
  const std::vector<std::string> notes = notes_of(request);
  result.report.notes.insert(result.report.notes.end(), notes.begin(), notes.end());
  for (Picture& picture : result.pictures) {
    picture.image = overlay.lay(std::move(picture.image));
    picture.unfit = request.safety != Safety::off && s.safety.guard(s.session, request.safety, picture.image);
    const Image& image = picture.image;
    Report of_picture = result.report;
    of_picture.prompt = picture.prompt;
    picture.image.text.emplace_back("parameters", parameters_text(of_picture, picture.seed, image.width, image.height));
  }
  return result;
}

void Engine::release() {
  // The packed forms live in the model's weights: a model read anew has none.
  state_->model = load_model(choice_of(state_->options));
  state_->refiners.clear();
  state_->extras = {};
  state_->safety = {};
  state_->session.release();
}

}  // namespace sumi
