#include "pipelines/beginning.h"

#include <array>
#include <cmath>

#include "ops/elementwise.h"
#include "ops/layout.h"
#include "pipelines/decode.h"

namespace sumi {
namespace {

Tensor for_each_picture(Context& ctx, const Tensor& x, std::int64_t pictures) {
  return repeat(ctx, x, std::vector(static_cast<std::size_t>(pictures), 1.0));
}

/// A mask at the size of the latents: the pixel at the corner of each, as the reference takes it.
std::vector<float> at_latents(const Grey& mask, std::int64_t reduction) {
  std::vector<float> values;
  for (std::int64_t y = 0; y < mask.height / reduction; ++y) {
    for (std::int64_t x = 0; x < mask.width / reduction; ++x) {
      values.push_back(mask.values[static_cast<std::size_t>(y * reduction * mask.width + x * reduction)] ? 1.0f : 0.0f);
    }
  }
  return values;
}

/// The picture in the grey of the middle where it is to be painted.
Tensor without_masked(Context& ctx, const Job& job) {
  std::vector<float> values;
  for (std::size_t i = 0; i < job.picture->rgb.size(); ++i) {
    values.push_back(job.mask->values[i / 3] ? 0.0f : static_cast<float>(-1 + 2.0 * job.picture->rgb[i] / 255));
  }
  return ctx.upload(values, {1, job.height, job.width, 3});
}

/// The mask as one channel beside the picture that it leaves.
Tensor inpainting_channels(Context& ctx, const Model& model, const Job& job, Noise& noise) {
  const Shape shape = noise.shape();
  const std::vector<float> mask = at_latents(*job.mask, model.vae.reduction());
  const Tensor once = ctx.upload(mask, {1, shape[1], shape[2], 1});
  return concat(ctx, for_each_picture(ctx, once, shape[0]),
                encode_picture(ctx, model, without_masked(ctx, job), job.vae_tiling, noise));
}

/// The middle of the picture's distribution, unscaled, as InstructPix2Pix was trained.
Tensor picture_channels(Context& ctx, const Model& model, const Job& job, const Shape& shape) {
  const std::vector<float> mean = model.vae.encode(ctx, upload_picture(ctx, *job.picture, -1), job.vae_tiling).mean;
  return for_each_picture(ctx, ctx.upload(mean, {1, shape[1], shape[2], shape[3]}), shape[0]);
}

Tensor painted(Context& ctx, const Model& model, const Job& job, const Shape& shape) {
  std::vector<float> values;
  const std::vector<float> mask = at_latents(*job.mask, model.vae.reduction());
  for (std::int64_t picture = 0; picture < shape[0]; ++picture) {
    for (const float value : mask) values.insert(values.end(), static_cast<std::size_t>(shape[3]), value);
  }
  return ctx.upload(values, shape);
}

Tensor given_latents(Context& ctx, const Job& job, const Shape& shape) {
  return for_each_picture(ctx, ctx.upload(job.latents, {1, shape[1], shape[2], shape[3]}), shape[0]);
}

}  // namespace

Tensor encode_picture(Context& ctx, const Model& model, const Tensor& picture, bool tiled, Noise& noise) {
  const Vae::Gaussian gaussian = model.vae.encode(ctx, picture, tiled);
  const std::size_t size = gaussian.mean.size();
  std::vector<float> values(static_cast<std::size_t>(noise.shape().elements()));
  if (!gaussian.log_variance.empty()) values = noise.draw_values(ctx.backend.dry());
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double deviation = gaussian.log_variance.empty() ? 0 : std::exp(.5 * gaussian.log_variance[i % size]);
    values[i] = static_cast<float>(model.vae.scaled(gaussian.mean[i % size] + deviation * values[i]));
  }
  return ctx.upload(values, noise.shape());
}

Beginning begin(Context& ctx, const Model& model, const Job& job, Noise& noise) {
  Beginning beginning;
  const bool keeps = job.mask && !model.paints_masked();
  if (model.changes_pictures()) beginning.extra = picture_channels(ctx, model, job, noise.shape());

  // The order of draws is the reference's: the picture's latents, the noise, the latents beside the mask.
  const bool given = !job.latents.empty();
  Tensor clean;
  if (job.picture && (keeps || !(job.from_noise || given))) {
    clean = encode_picture(ctx, model, upload_picture(ctx, *job.picture, -1), job.vae_tiling, noise);
  }
  const Tensor fresh = noise.draw_first(ctx);
  const Step& first = job.schedule.steps.front();
  if (job.from_noise) {
    beginning.latents = combine(ctx, std::array{Term{job.schedule.initial_sigma, fresh}});
  } else {
    const Tensor start = given ? given_latents(ctx, job, noise.shape()) : clean;
    beginning.latents = combine(ctx, std::array{Term{first.signal, start}, Term{first.noise, fresh}});
  }
  if (model.paints_masked()) beginning.extra = inpainting_channels(ctx, model, job, noise);
  if (keeps) {
    noise.draw_values(ctx.backend.dry());  // the reference encodes what the mask leaves here too
    beginning.kept = {clean, fresh, painted(ctx, model, job, noise.shape())};
  }
  return beginning;
}

}  // namespace sumi
