#include "sumi/parts/unet.h"

#include <algorithm>
#include <functional>

#include "api/parts/state.h"
#include "core/threads.h"
#include "ops/elementwise.h"
#include "pipelines/choices.h"
#include "pipelines/latents.h"
#include "pipelines/predictor.h"

namespace sumi::parts {
namespace {

void check_channels(const Latents& latents, std::int64_t channels) {
  check(latents.shape().values() > 0 && latents.shape().channels == channels, ErrorCode::usage,
        "latents {}: expected {} channels", latents.shape().text(), channels);
}

void check_rows(const Latents& latents, std::int64_t rows) {
  check(rows % latents.shape().batch == 0, ErrorCode::usage, "latents {} for {} rows of a conditioning",
        latents.shape().text(), rows);
}

/// `rows` pictures: all of them again and again.
Latents repeated(const Latents& latents, std::int64_t rows) {
  LatentShape shape = latents.shape();
  std::vector<float> values;
  for (std::int64_t i = 0; i < rows; i += shape.batch) {
    values.insert(values.end(), latents.values().begin(), latents.values().end());
  }
  shape.batch = rows;
  return {shape, std::move(values)};
}

void check_conditioning(const sumi::Model& model, const Conditioning& given) {
  const auto expect = [](const char* what, std::size_t values, std::int64_t expected) {
    check(static_cast<std::int64_t>(values) == expected, ErrorCode::usage,
          "conditioning: {} {} where this model takes {}", values, what, expected);
  };
  check(given.rows > 0 && given.tokens > 0, ErrorCode::usage, "conditioning: {} rows of {} tokens", given.rows,
        given.tokens);
  const std::int64_t rows = given.rows;
  expect("values of embeddings", given.embeddings.size(), rows * given.tokens * model.prompt_channels());
  const std::int64_t pooled = model.pooled() ? model.texts.back().text.config().projection : 0;
  expect("values of pooled embeddings", given.pooled.size(), rows * pooled);
  expect("numbers of sizes", given.sizes.size(), model.pooled() ? rows * model.size_numbers() : 0);
}

/// Leading rows whose embeddings are zeros.
std::int64_t silent_rows(const Conditioning& given) {
  const auto first = std::find_if(given.embeddings.begin(), given.embeddings.end(), [](float x) { return x != 0; });
  return (first - given.embeddings.begin()) * given.rows / static_cast<std::int64_t>(given.embeddings.size());
}

}  // namespace

struct UNet::State {
  State(const Model& of, Conditioning given, UNetOptions asked);

  sumi::UNet::Prompt prompt(Context& ctx) const;
  Denoiser begin(Context& ctx) const { return {ctx, model->unet, prompt(ctx), tensor_shape(shape), aids}; }
  /// Plans and begins what lasts, for latents of this shape.
  void open(const LatentShape& latents);
  /// As Denoiser.
  Latents call(Context& ctx, Denoiser& denoiser, const Latents& latents, const Latents& extra,
               const Denoiser::Call& call) const;

  Model opened;
  std::shared_ptr<sumi::Model> model;
  Conditioning conditioning;
  UNetOptions options;
  LatentShape shape;
  Aids aids;
  std::optional<Workspace> workspace;
  std::optional<Denoiser> denoiser;
  std::int64_t calls = 0;
};

UNet::State::State(const Model& of, Conditioning given, UNetOptions asked)
    : opened(of), model(of.state().model), conditioning(std::move(given)), options(std::move(asked)) {
  check_conditioning(*model, conditioning);
  aids.guess_mode = options.guess_mode;
  aids.deepcache = settle_deepcache(*model, options.deepcache);
}

sumi::UNet::Prompt UNet::State::prompt(Context& ctx) const {
  const std::int64_t rows = conditioning.rows, tokens = conditioning.tokens;
  const auto upload = [&](const std::vector<float>& values, Shape axes) {
    return cast(ctx, ctx.upload(values, axes), ctx.type);
  };
  sumi::UNet::Prompt prompt{.tokens = upload(conditioning.embeddings, {rows, tokens, model->prompt_channels()}),
                            .guidance = conditioning.guidance,
                            .sizes = conditioning.sizes,
                            .silent = silent_rows(conditioning)};
  if (model->pooled()) {
    prompt.pooled = upload(conditioning.pooled, {rows, model->texts.back().text.config().projection});
  }
  return prompt;
}

Latents UNet::State::call(Context& ctx, Denoiser& denoise, const Latents& latents, const Latents& extra,
                          const Denoiser::Call& call) const {
  const Tensor input = upload_latents(ctx, latents);
  const Tensor beside = extra.values().empty() ? Tensor() : upload_latents(ctx, extra);
  return download_latents(ctx, denoise(ctx, input, call, beside));
}

void UNet::State::open(const LatentShape& latents) {
  denoiser.reset();
  workspace.reset();
  shape = latents;
  Opened& state = opened.state();
  const std::int64_t reduction = model->vae.reduction();
  if (options.tome) aids.tome = settle_tome(*options.tome, shape.height, shape.width);
  aids.controls.clear();
  for (const Control& control : options.controls) {
    const auto find = [&](const std::string& name) { return state.extras.controlnet(*model, name); };
    aids.controls.push_back(settle_control(*model, control, find, shape.width * reduction, shape.height * reduction));
  }
  LatentShape beside = shape;
  beside.batch = conditioning.rows;
  beside.channels = opened.extra_channels();
  const Booked booked = state.session.plan([&](Context& ctx) {
    Denoiser dry = begin(ctx);
    Denoiser::Call kind{.control_weights = std::vector(aids.controls.size(), 1.0)};
    call(ctx, dry, Latents(shape), Latents(beside), kind);
    kind.reuse = true;
    if (aids.deepcache) call(ctx, dry, Latents(shape), Latents(beside), kind);
  });
  workspace.emplace(state.session.open(booked));
  Context ctx = workspace->context();
  denoiser.emplace(begin(ctx));
  calls = 0;
}

UNet::UNet(const Model& model, Conditioning conditioning, UNetOptions options)
    : state_(std::make_unique<State>(model, std::move(conditioning), std::move(options))) {}
UNet::UNet(UNet&&) noexcept = default;
UNet& UNet::operator=(UNet&&) noexcept = default;
UNet::~UNet() = default;

Latents UNet::predict(const Latents& latents, double timestep, const StepOptions& options) {
  State& s = *state_;
  const std::int64_t rows = s.conditioning.rows;
  check_channels(latents, s.model->latent_channels());
  check_rows(latents, rows);
  Latents extra;
  if (s.opened.extra_channels() > 0) {
    check_channels(options.extra, s.opened.extra_channels());
    check_rows(options.extra, rows);
    extra = repeated(options.extra, rows);
    check(extra.shape().height == latents.shape().height && extra.shape().width == latents.shape().width,
          ErrorCode::usage, "extra channels {} beside latents {}", extra.shape().text(), latents.shape().text());
  }
  Denoiser::Call call{.timestep = timestep, .control_weights = options.control_weights};
  if (call.control_weights.empty()) {
    for (const Control& control : s.options.controls) call.control_weights.push_back(control.weight);
  }
  check(call.control_weights.size() == s.options.controls.size(), ErrorCode::usage, "{} weights for {} ControlNets",
        call.control_weights.size(), s.options.controls.size());
  set_threads(s.opened.state().options.threads);
  if (!s.denoiser || s.shape != latents.shape()) s.open(latents.shape());
  call.reuse = s.aids.deepcache && !s.aids.deepcache->full(s.calls);
  Context ctx = s.workspace->context();
  Latents prediction = s.call(ctx, *s.denoiser, latents, extra, call);
  ++s.calls;
  return prediction;
}

namespace {

/// What a computation on the model's device makes of a prediction.
Latents computed(const Model& model, const Latents& prediction,
                 const std::function<Tensor(Context&, const Tensor&)>& compute) {
  Latents result;
  model.state().run(
      [&](Context& ctx) { result = download_latents(ctx, compute(ctx, upload_latents(ctx, prediction))); });
  return result;
}

}  // namespace

Latents guide(const Model& model, const Latents& prediction, double scale, double rescale) {
  check(prediction.shape().values() > 0 && prediction.shape().batch % 2 == 0, ErrorCode::usage,
        "guidance of {}: expected predictions of negative prompts and as many of prompts", prediction.shape().text());
  check_range("guidance", scale, 0, 100);
  check_range("guidance rescale", rescale, 0, 1);
  return computed(model, prediction,
                  [&](Context& ctx, const Tensor& all) { return sumi::guide(ctx, all, scale, rescale); });
}

Latents guide_change(const Model& model, const Latents& prediction, double scale, double image_scale) {
  check(prediction.shape().values() > 0 && prediction.shape().batch % 3 == 0, ErrorCode::usage,
        "guidance of {}: expected predictions for prompts, for negative prompts, and without the picture",
        prediction.shape().text());
  check_range("guidance", scale, 0, 100);
  check_range("image guidance", image_scale, 0, 100);
  return computed(model, prediction,
                  [&](Context& ctx, const Tensor& all) { return sumi::guide_change(ctx, all, scale, image_scale); });
}

}  // namespace sumi::parts
