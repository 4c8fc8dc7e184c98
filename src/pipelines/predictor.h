#pragma once

#include <vector>

#include "pipelines/denoiser.h"
#include "pipelines/job.h"

namespace sumi {

/// With a picture to change (Brooks et al., 2023, equation 3): u + g (t - i) + h (i - u) of predictions [t, i, u],
/// where t sees prompt and picture, i the picture, u neither.
Tensor guide_change(Context& ctx, const Tensor& prediction, double g, double h);

/// The guided prediction of the UNet for the latents at one step: all parts of guidance in one batch.
class Predictor {
 public:
  /// Encodes the prompts and whatever else lasts for all steps. `latents`: the shape of a step's.
  Predictor(Context& ctx, const Model& model, const Job& job, const Shape& latents);

  /// Channels that the UNet sees beside the latents, (batch, height, width, extra channels).
  void set_extra(Context& ctx, const Tensor& extra);

  /// How the step of that index calls the UNet.
  Denoiser::Call call(std::size_t step) const;
  /// Of each step in turn.
  Tensor operator()(Context& ctx, std::size_t step, const Tensor& latents);

 private:
  /// A share of the batch: with which prompt, and whether it sees the picture that is changed.
  struct Part {
    bool negative, picture;
  };

  static std::vector<Part> parts_of(const Model& model, const Job& job);
  UNet::Prompt encode(Context& ctx, const Model& model) const;
  Tensor guided(Context& ctx, const Tensor& prediction) const;

  const Job& job_;
  std::vector<Part> parts_;
  Denoiser denoise_;
  Tensor extra_;  // of all parts
};

}  // namespace sumi
