#include "pipelines/predictor.h"

#include <algorithm>
#include <array>

#include "ops/elementwise.h"
#include "ops/layout.h"
#include "pipelines/decode.h"
#include "pipelines/prompt.h"

namespace sumi {
namespace {

/// The last rows of a prompt: those of the prompt's half of guidance.
UNet::Prompt last_part(const UNet::Prompt& prompt, std::int64_t rows) {
  const auto last = [rows](const Tensor& x) { return x ? x.slice(x.size(0) - rows, x.size(0)) : Tensor(); };
  const auto numbers = prompt.sizes.size() / static_cast<std::size_t>(prompt.tokens.size(0));
  return {.tokens = last(prompt.tokens),
          .guidance = prompt.guidance,
          .pooled = last(prompt.pooled),
          .sizes = {prompt.sizes.end() - static_cast<std::ptrdiff_t>(numbers * static_cast<std::size_t>(rows)),
                    prompt.sizes.end()}};
}

}  // namespace

Predictor::Predictor(Context& ctx, const Model& model, const Job& job) : model_(model), job_(job) {
  // Models that take the guidance scale as an input do without the unconditional half.
  const bool guides = job.guidance > 1 && model.unet.config().guidance_channels == 0;
  if (!guides || (model.changes_pictures() && job.image_guidance < 1)) {
    parts_ = {{.negative = false, .picture = true}};
  } else if (model.changes_pictures()) {
    parts_ = {{false, true}, {true, true}, {true, false}};
  } else {
    parts_ = {{true, true}, {false, true}};
  }
  const UNet::Prompt prompt = encode(ctx);
  conditioning_ = model.unet.prepare(ctx, prompt);
  prepare_controls(ctx, prompt);
  const std::int64_t reduction = model.vae.reduction();
  if (job.tome) merger_ = job.tome->merger(job.height / reduction, job.width / reduction);
  if (job.deepcache) cache_ = FeatureCache{.layers = job.deepcache->layers(model.unet.config())};
}

UNet::Prompt Predictor::encode(Context& ctx) const {
  std::vector<PromptText> texts;
  UNet::Prompt prompt{.guidance = job_.guidance};
  for (const Part& part : parts_) {
    const std::vector<float>& sizes = part.negative ? job_.negative_sizes : job_.sizes;
    for (std::size_t i = 0; i < job_.seeds.size(); ++i) {
      // Clip skip concerns the prompt alone, as in the reference.
      texts.push_back(part.negative ? PromptText{.text = job_.negative,
                                                 .second = job_.negative_2,
                                                 .absent = !job_.negative_given,
                                                 .syntax = job_.syntax}
                                    : PromptText{.text = job_.prompts[i],
                                                 .second = job_.prompts_2[i],
                                                 .clip_skip = job_.clip_skip,
                                                 .syntax = job_.syntax});
      prompt.sizes.insert(prompt.sizes.end(), sizes.begin(), sizes.end());
    }
  }
  const EncodedPrompts encoded = encode_prompts(ctx, model_, texts);
  prompt.tokens = encoded.tokens;
  prompt.pooled = encoded.pooled;
  return prompt;
}

void Predictor::set_extra(Context& ctx, const Tensor& extra) {
  if (!extra) return;
  std::vector<double> seen;
  for (const Part& part : parts_) seen.push_back(part.picture ? 1 : 0);
  extra_ = repeat(ctx, extra, seen);
}

void Predictor::prepare_controls(Context& ctx, const UNet::Prompt& prompt) {
  const auto n = static_cast<std::int64_t>(job_.seeds.size());
  const UNet::Prompt seen = job_.guess_mode ? last_part(prompt, n) : prompt;
  for (const ControlJob& control : job_.controls) {
    const Tensor picture = upload_picture(ctx, control.picture, 0);
    controls_.push_back({control.net->embed(ctx, picture, seen.tokens.size(0)), control.net->prepare(ctx, seen)});
  }
}

bool Predictor::active(const ControlJob& control, std::size_t step) const {
  const auto steps = static_cast<double>(job_.schedule.steps.size());
  return static_cast<double>(step) / steps >= control.start && static_cast<double>(step + 1) / steps <= control.end;
}

int Predictor::kind(std::size_t step) const {
  int kind = reuses(step) ? 1 : 0;
  for (const ControlJob& control : job_.controls) kind = 2 * kind + (active(control, step) ? 1 : 0);
  return kind;
}

Residuals Predictor::residuals(Context& ctx, std::size_t index, const Tensor& input, const Tensor& times) const {
  Residuals sum;
  const auto n = static_cast<std::int64_t>(job_.seeds.size());
  const Tensor seen = job_.guess_mode ? input.slice(input.size(0) - n, input.size(0)) : input;
  const Tensor seen_times = times.slice(0, seen.size(0));
  for (std::size_t i = 0; i < controls_.size(); ++i) {
    const ControlJob& control = job_.controls[i];
    if (!active(control, index)) continue;
    accumulate(ctx, sum, (*control.net)(ctx, seen, seen_times, controls_[i].conditioning, controls_[i].hint),
               control.weight, job_.guess_mode);
  }
  return sum;
}

Tensor Predictor::operator()(Context& ctx, std::size_t index, const Tensor& latents) {
  const Step& step = job_.schedule.steps[index];
  const Tensor input = repeat(ctx, latents, std::vector(parts_.size(), step.input_scale));
  const std::int64_t rows = input.size(0);
  const std::vector<float> times(static_cast<std::size_t>(rows), static_cast<float>(step.timestep));
  const Tensor timesteps = ctx.upload(times, {rows});
  const Residuals told = residuals(ctx, index, input, timesteps);
  if (cache_) cache_->reuse = reuses(index);
  const UNetOptions options{.residuals = told ? &told : nullptr,
                            .cache = cache_ ? &*cache_ : nullptr,
                            .merger = merger_ ? &*merger_ : nullptr};
  return guided(ctx, model_.unet(ctx, extra_ ? concat(ctx, input, extra_) : input, timesteps, conditioning_, options));
}

/// With a picture to change (Brooks et al., 2023, equation 3): u + g (t - i) + h (i - u), where t sees prompt and
/// picture, i the picture, u neither.
Tensor Predictor::guided(Context& ctx, const Tensor& prediction) const {
  if (parts_.size() == 1) return prediction;
  if (parts_.size() == 2) return guide(ctx, prediction, job_.guidance, job_.guidance_rescale);
  const std::int64_t n = prediction.size(0) / 3;
  const double g = job_.guidance, h = job_.image_guidance;
  return combine(ctx, std::array{Term{g, prediction.slice(0, n)}, Term{h - g, prediction.slice(n, 2 * n)},
                                 Term{1 - h, prediction.slice(2 * n, 3 * n)}});
}

}  // namespace sumi
