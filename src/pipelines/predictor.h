#pragma once

#include <vector>

#include "pipelines/job.h"

namespace sumi {

/// The guided prediction of the UNet for the latents at one step: all parts of guidance in one batch.
class Predictor {
 public:
  /// Encodes the prompts and whatever else lasts for all steps. `extra`: as Beginning::extra, of one part.
  Predictor(Context& ctx, const Model& model, const Job& job);

  /// Channels that the UNet sees beside the latents, (batch, height, width, extra channels).
  void set_extra(Context& ctx, const Tensor& extra);

  /// Steps of one kind need the same memory and work.
  int kind(std::size_t step) const;
  /// Of each step in turn.
  Tensor operator()(Context& ctx, std::size_t index, const Tensor& latents);

 private:
  /// A share of the batch: with which prompt, and whether it sees the picture that is changed.
  struct Part {
    bool negative, picture;
  };
  struct Control {
    Tensor hint;
    UNet::Conditioning conditioning;
  };

  UNet::Prompt encode(Context& ctx) const;
  void prepare_controls(Context& ctx, const UNet::Prompt& prompt);
  bool active(const ControlJob& control, std::size_t step) const;
  bool reuses(std::size_t step) const {
    return job_.deepcache && !job_.deepcache->full(static_cast<std::int64_t>(step));
  }
  Residuals residuals(Context& ctx, std::size_t index, const Tensor& input, const Tensor& times) const;
  Tensor guided(Context& ctx, const Tensor& prediction) const;

  const Model& model_;
  const Job& job_;
  std::vector<Part> parts_;
  UNet::Conditioning conditioning_;
  Tensor extra_;  // of all parts
  std::vector<Control> controls_;
  std::optional<FeatureCache> cache_;
  std::optional<TokenMerger> merger_;
};

}  // namespace sumi
