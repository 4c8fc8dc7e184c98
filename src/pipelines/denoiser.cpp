#include "pipelines/denoiser.h"

#include <algorithm>
#include <array>
#include <utility>

#include "ops/elementwise.h"
#include "ops/layout.h"
#include "pipelines/decode.h"

namespace sumi {
namespace {

/// The last rows of a prompt: those of the prompt's half of guidance.
UNet::Prompt last_part(const UNet::Prompt& prompt, std::int64_t rows) {
  const auto last = [rows](const Tensor& x) { return x ? x.slice(x.size(0) - rows, x.size(0)) : Tensor(); };
  const std::int64_t before = prompt.tokens.size(0) - rows;
  const auto numbers = prompt.sizes.size() / static_cast<std::size_t>(prompt.tokens.size(0));
  return {.tokens = last(prompt.tokens),
          .guidance = prompt.guidance,
          .pooled = last(prompt.pooled),
          .sizes = {prompt.sizes.end() - static_cast<std::ptrdiff_t>(numbers * static_cast<std::size_t>(rows)),
                    prompt.sizes.end()},
          .silent = std::max<std::int64_t>(0, prompt.silent - before)};
}

}  // namespace

std::vector<bool> Denoiser::Call::kind() const {
  std::vector<bool> kind{reuse};
  for (const double weight : control_weights) kind.push_back(weight != 0);
  return kind;
}

Denoiser::Denoiser(Context& ctx, const UNet& unet, const UNet::Prompt& prompt, const Shape& latents, const Aids& aids)
    : unet_(unet),
      aids_(aids),
      pictures_(latents[0]),
      rows_(prompt.tokens.size(0)),
      conditioning_(unet.prepare(ctx, prompt)) {
  const UNet::Prompt seen = aids.guess_mode ? last_part(prompt, pictures_) : prompt;
  for (const ControlJob& control : aids.controls) {
    const Tensor picture = upload_picture(ctx, control.picture, 0);
    controls_.push_back({control.net->embed(ctx, picture, seen.tokens.size(0)), control.net->prepare(ctx, seen)});
  }
  if (aids.tome) merger_ = aids.tome->merger(latents[1], latents[2]);
  if (aids.deepcache) cache_ = FeatureCache{.layers = aids.deepcache->layers(unet.config())};
}

Residuals Denoiser::residuals(Context& ctx, const Tensor& latents, const Tensor& times, const Call& call) const {
  Residuals sum;
  const std::int64_t rows = latents.size(0);
  const Tensor seen = aids_.guess_mode ? latents.slice(rows - pictures_, rows) : latents;
  const Tensor seen_times = times.slice(0, seen.size(0));
  for (std::size_t i = 0; i < controls_.size(); ++i) {
    if (call.control_weights[i] == 0) continue;
    accumulate(ctx, sum, (*aids_.controls[i].net)(ctx, seen, seen_times, controls_[i].conditioning, controls_[i].hint),
               call.control_weights[i], aids_.guess_mode);
  }
  return sum;
}

Tensor Denoiser::operator()(Context& ctx, const Tensor& latents, const Call& call, const Tensor& extra) {
  const std::vector<float> times(static_cast<std::size_t>(rows_), static_cast<float>(call.timestep));
  // Random destinations of merged tokens differ from call to call.
  if (ctx.backend.records() && !(merger_ && merger_->random)) return replayed(ctx, latents, times, call, extra);
  const Need need = std::exchange(ctx.need, Need::often);
  Tensor prediction = predict(ctx, latents, ctx.upload(times, {rows_}), call, extra);
  ctx.need = need;
  return prediction;
}

Tensor Denoiser::predict(Context& ctx, const Tensor& latents, const Tensor& timesteps, const Call& call,
                         const Tensor& extra) {
  const bool shares = unet_.shares_parts() && controls_.empty() && !extra;
  const Tensor x = shares ? latents : repeat_to(ctx, latents, rows_);
  const Residuals told = residuals(ctx, x, timesteps, call);
  if (cache_) cache_->reuse = call.reuse;
  const UNetOptions options{.residuals = told ? &told : nullptr,
                            .cache = cache_ ? &*cache_ : nullptr,
                            .merger = merger_ ? &*merger_ : nullptr};
  return unet_(ctx, extra ? concat(ctx, x, extra) : x, timesteps, conditioning_, options);
}

Tensor Denoiser::replayed(Context& ctx, const Tensor& latents, std::span<const float> times, const Call& call,
                          const Tensor& extra) {
  // A tensor of the arena beside the replay's own, made at the first call.
  const auto fix = [&](Tensor& fixed, const Tensor& like) {
    if (!fixed) fixed = ctx.tensor(like.shape(), like.dtype());
  };
  const auto copy = [](Context& to, const Tensor& from, const Tensor& into) {
    combine(to, std::array{Term{1, from}}, {.into = into});
  };
  fix(fixed_.latents, latents);
  copy(ctx, latents, fixed_.latents);
  if (extra) fix(fixed_.extra, extra), copy(ctx, extra, fixed_.extra);
  if (!fixed_.timesteps) fixed_.timesteps = ctx.tensor({rows_}, DType::f32);
  if (!ctx.backend.dry()) ctx.backend.upload(std::as_bytes(times), fixed_.timesteps.raw());

  Replay::Variant variant = call.control_weights;
  variant.push_back(call.reuse);
  replay_(ctx, variant, [&](Context& inner) {
    const Tensor prediction = predict(inner, fixed_.latents, fixed_.timesteps, call, fixed_.extra);
    fix(fixed_.prediction, prediction);
    copy(inner, prediction, fixed_.prediction);
    if (!cache_ || call.reuse) return;
    fix(fixed_.cached, cache_->state);
    copy(inner, cache_->state, fixed_.cached);
    cache_->state = fixed_.cached;
  });
  return fixed_.prediction;
}

}  // namespace sumi
