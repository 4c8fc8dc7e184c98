#include "pipelines/predictor.h"

#include <array>

#include "ops/elementwise.h"
#include "pipelines/prompt.h"

namespace sumi {

std::vector<Predictor::Part> Predictor::parts_of(const Model& model, const Job& job) {
  // Models that take the guidance scale as an input do without the unconditional half.
  const bool guides = job.guidance > 1 && model.unet.config().guidance_channels == 0;
  if (!guides || (model.changes_pictures() && job.image_guidance < 1)) return {{.negative = false, .picture = true}};
  if (model.changes_pictures()) return {{false, true}, {true, true}, {true, false}};
  return {{true, true}, {false, true}};
}

Predictor::Predictor(Context& ctx, const Model& model, const Job& job, const Shape& latents)
    : job_(job), parts_(parts_of(model, job)), denoise_(ctx, model.unet, encode(ctx, model), latents, job.aids) {}

UNet::Prompt Predictor::encode(Context& ctx, const Model& model) const {
  std::vector<PromptText> texts;
  for (const Part& part : parts_) {
    for (std::size_t i = 0; i < job_.seeds.size(); ++i) {
      // Clip skip concerns the prompt alone, as in the reference.
      texts.push_back(part.negative ? PromptText{.text = job_.negative,
                                                 .second = job_.negative_2,
                                                 .absent = !job_.negative_given,
                                                 .syntax = job_.syntax,
                                                 .sizes = job_.negative_sizes}
                                    : PromptText{.text = job_.prompts[i],
                                                 .second = job_.prompts_2[i],
                                                 .clip_skip = job_.clip_skip,
                                                 .syntax = job_.syntax,
                                                 .sizes = job_.sizes});
    }
  }
  UNet::Prompt prompt = encode_prompts(ctx, model, texts);
  prompt.guidance = job_.guidance;
  return prompt;
}

void Predictor::set_extra(Context& ctx, const Tensor& extra) {
  if (!extra) return;
  std::vector<double> seen;
  for (const Part& part : parts_) seen.push_back(part.picture ? 1 : 0);
  extra_ = repeat(ctx, extra, seen);
}

Denoiser::Call Predictor::call(std::size_t step) const {
  const auto& cache = job_.aids.deepcache;
  Denoiser::Call call{.timestep = job_.schedule.steps[step].timestep,
                      .reuse = cache && !cache->full(static_cast<std::int64_t>(step))};
  const auto steps = static_cast<double>(job_.schedule.steps.size());
  const double from = static_cast<double>(step) / steps, to = static_cast<double>(step + 1) / steps;
  for (const ControlJob& control : job_.aids.controls) call.control_weights.push_back(control.weight_between(from, to));
  return call;
}

Tensor Predictor::operator()(Context& ctx, std::size_t step, const Tensor& latents) {
  const double scale = job_.schedule.steps[step].input_scale;
  const Tensor input = repeat(ctx, latents, std::array{scale});
  return guided(ctx, denoise_(ctx, input, call(step), extra_));
}

Tensor Predictor::guided(Context& ctx, const Tensor& prediction) const {
  if (parts_.size() == 1) return prediction;
  if (parts_.size() == 2) return guide(ctx, prediction, job_.guidance, job_.guidance_rescale);
  return guide_change(ctx, prediction, job_.guidance, job_.image_guidance);
}

Tensor guide_change(Context& ctx, const Tensor& prediction, double g, double h) {
  const std::int64_t n = prediction.size(0) / 3;
  return combine(ctx, std::array{Term{g, prediction.slice(0, n)}, Term{h - g, prediction.slice(n, 2 * n)},
                                 Term{1 - h, prediction.slice(2 * n, 3 * n)}});
}

}  // namespace sumi
