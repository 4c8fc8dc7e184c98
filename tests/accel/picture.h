#pragma once

#include <array>
#include <functional>
#include <numeric>

#include "core/rng.h"
#include "models/model.h"
#include "nn/on_host.h"
#include "ops/elementwise.h"
#include "schedulers/scheduler.h"
#include "text/tokenizer.h"

namespace sumi::test {

/// A case of the reference on a Stable Diffusion 1 model: latents after each call, and the picture, channels last.
struct Picture {
  /// The options of a call of the UNet, which counts from 0, for latents of a shape.
  using Options = std::function<UNetOptions(std::int64_t call, const Shape& latents)>;

  std::vector<std::vector<float>> latents;
  std::vector<float> values;
};

/// What a run keeps from step to step, by the slots of its schedule.
class Slots {
 public:
  Slots(Context& ctx, const Schedule& schedule, const Tensor& noise) {
    slots_.resize(static_cast<std::size_t>(kept(schedule.kept)));
    at(Slot::sample) = combine(ctx, std::array{Term{schedule.initial_sigma, noise}});
    for (int i = 0; i < schedule.kept; ++i) at(kept(i)) = ctx.tensor(noise.shape(), DType::f32);
  }
  Tensor& at(Slot slot) { return slots_[static_cast<std::size_t>(slot)]; }

  void apply(Context& ctx, const Step& step) {
    for (const Combination& update : step.updates) {
      std::vector<Term> terms;
      for (const auto& term : update.terms) terms.push_back({term.coefficient, at(term.slot)});
      combine(ctx, terms, {.limit = update.limit, .into = at(update.to)});
    }
  }

 private:
  std::vector<Tensor> slots_;
};

class PictureCase {
 public:
  explicit PictureCase(const std::string& name)
      : fixture_(name),
        folder_(model_path(fixture_.ask.at("model"))),
        tokenizer_(Tokenizer::load(folder_.path() / "tokenizer")),
        text_(load_text(folder_)),
        unet_(load_unet(folder_)),
        vae_(load_vae(folder_)) {}

  const Fixture& fixture() const { return fixture_; }
  const UNet& unet() const { return unet_; }

  Picture make(Backend& backend, const Picture::Options& options) const {
    constexpr std::size_t bytes = std::size_t{64} << 20;
    Arena arena(backend.allocate(bytes), bytes);
    Context ctx{.backend = backend, .arena = arena};
    const Json& ask = fixture_.ask;
    const Json& effective = ask.at("effective");
    const Schedule schedule = make_schedule(resolve(Settings(effective.at("scheduler"), "case"), {}),
                                            ask.at("num_inference_steps").get<int>());
    const auto conditioning = unet_.prepare(ctx, {.tokens = text_(ctx, prompts()).hidden});
    const std::int64_t factor = vae_.config().reduction();
    const Shape shape{1, effective.at("height").get<int>() / factor, effective.at("width").get<int>() / factor, 4};
    Slots slots(ctx, schedule, noise(ctx, shape));
    Picture picture;
    for (const Step& step : schedule.steps) {
      const auto call = static_cast<std::int64_t>(picture.latents.size());
      const Tensor input = twice(ctx, slots.at(Slot::sample), step.input_scale);
      const auto time = static_cast<float>(step.timestep);
      const Tensor both =
          unet_(ctx, input, ctx.upload(std::array{time, time}, {2}), conditioning, options(call, shape));
      slots.at(Slot::prediction) = guide(ctx, both, ask.at("guidance_scale"));
      slots.apply(ctx, step);
      picture.latents.push_back(channels_first(ctx.download(slots.at(Slot::sample)), shape));
    }
    const Tensor latent = combine(ctx, std::array{Term{1 / vae_.config().scaling_factor, slots.at(Slot::sample)}});
    picture.values = ctx.download(vae_.decode(ctx, latent));
    for (float& value : picture.values) value = std::clamp(value / 2 + 0.5f, 0.0f, 1.0f);
    return picture;
  }

 private:
  std::vector<std::vector<std::int32_t>> prompts() const {
    return {tokenizer_.padded(fixture_.ask.at("negative_prompt").get<std::string>()),
            tokenizer_.padded(fixture_.ask.at("prompt").get<std::string>())};
  }
  Tensor noise(Context& ctx, const Shape& shape) const {
    std::vector<float> drawn(static_cast<std::size_t>(shape.elements()));
    make_noise(Rng::cpu, fixture_.ask.at("seed").get<std::uint64_t>())->fill(drawn);
    return ctx.upload(channels_last(drawn, {shape[0], shape[3], shape[1], shape[2]}), shape);
  }
  static Tensor twice(Context& ctx, const Tensor& x, double scale) {
    Shape shape = x.shape();
    shape[0] = 2;
    const Tensor both = ctx.tensor(shape, DType::f32);
    for (int half : {0, 1}) combine(ctx, std::array{Term{scale, x}}, {.into = both.slice(half, half + 1)});
    return both;
  }

  Fixture fixture_;
  ModelFolder folder_;
  Tokenizer tokenizer_;
  ClipText text_;
  UNet unet_;
  Vae vae_;
};

}  // namespace sumi::test
