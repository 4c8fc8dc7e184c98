#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "accel/deepcache.h"
#include "accel/token_merging.h"
#include "models/controlnet.h"
#include "models/unet.h"
#include "pipelines/replay.h"
#include "sumi/image.h"

namespace sumi {

/// A ControlNet at work.
struct ControlJob {
  std::shared_ptr<const ControlNet> net;
  Image picture;  ///< of the size that is made
  double weight, start, end;

  /// Its weight in a step that goes from one share of the steps to another; 0 outside of its part.
  double weight_between(double from, double to) const { return from >= start && to <= end ? weight : 0; }
};

/// What a denoiser has besides the UNet.
struct Aids {
  std::vector<ControlJob> controls;
  bool guess_mode = false;  ///< ControlNets tell the last of the batch only, the prompt's half of guidance
  std::optional<DeepCache> deepcache;
  std::optional<TokenMerging> tome;
};

/// A UNet with what lasts for all steps of a picture: keys and values of its prompt, what ControlNets see, and what
/// accelerations keep from step to step.
class Denoiser {
 public:
  /// How one call differs from another.
  struct Call {
    double timestep = 0;
    bool reuse = false;                        ///< what the last call without it kept (DeepCache)
    std::vector<double> control_weights = {};  ///< one for each of the controls; 0 leaves it out

    /// Calls of one kind need the same memory and work.
    std::vector<bool> kind() const;
  };

  /// latents: (pictures, height, width, channels); the prompt's rows are a multiple of the pictures. What lasts lies in
  /// ctx's arena. `unet` and `aids` outlive the denoiser.
  Denoiser(Context& ctx, const UNet& unet, const UNet::Prompt& prompt, const Shape& latents, const Aids& aids);

  /// What the UNet predicts for each row of the prompt: (rows, height, width, channels) float32.
  /// latents: (rows, height, width, channels), or of fewer rows, which stand for themselves again and again; extra:
  /// what the UNet sees beside them, of all rows.
  Tensor operator()(Context& ctx, const Tensor& latents, const Call& call, const Tensor& extra = {});

 private:
  struct Control {
    Tensor hint;
    UNet::Conditioning conditioning;
  };
  /// What a replayed call reads and writes, at the same place each time.
  struct Fixed {
    Tensor latents, extra, timesteps, prediction, cached;
  };

  Tensor predict(Context& ctx, const Tensor& latents, const Tensor& timesteps, const Call& call, const Tensor& extra);
  Tensor replayed(Context& ctx, const Tensor& latents, std::span<const float> times, const Call& call,
                  const Tensor& extra);
  Residuals residuals(Context& ctx, const Tensor& latents, const Tensor& times, const Call& call) const;

  const UNet& unet_;
  const Aids& aids_;
  std::int64_t pictures_, rows_;
  UNet::Conditioning conditioning_;
  std::vector<Control> controls_;
  std::optional<FeatureCache> cache_;
  std::optional<TokenMerger> merger_;
  Fixed fixed_;
  Replay replay_;
};

}  // namespace sumi
