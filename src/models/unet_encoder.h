#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/settings.h"
#include "models/unet_stage.h"
#include "nn/time_embedding.h"

namespace sumi {

/// What the `config.json` of a UNet says about its way down; that of a ControlNet says the same.
struct UNetEncoderConfig {
  using Stage = UNetStage::Sizes;

  std::int64_t in_channels;
  std::int64_t groups;
  double epsilon;
  std::vector<Stage> down;
  std::optional<Stage> middle;  ///< the resnet blocks lie around the transformers: one more of them

  std::int64_t time_channels;
  double frequency_shift;
  bool cosine_first;
  std::int64_t guidance_channels = 0;  ///< sinusoids of the guidance scale (LCM); 0 where it is no input
  /// Sizes and pooled prompt as inputs (SDXL, "text_time"): sinusoids for each number, and of all with the pooled
  /// prompt.
  std::int64_t size_channels = 0, added_channels = 0;

  UNetStage::Common common() const { return {groups, epsilon, time_channels}; }

  /// Error(bad_file) for values that make no sense, Error(unsupported) for what nothing here computes.
  static UNetEncoderConfig from(const Settings& settings);
};

/// The half of a UNet that looks at latents in ever lower resolution, and the middle below it: what a UNet and its
/// ControlNets have in common.
class UNetEncoder {
 public:
  /// What the prediction depends on besides latents and time.
  struct Prompt {
    Tensor tokens;                  ///< (batch, tokens, prompt channels) of ctx.type
    double guidance = 1;            ///< the guidance scale, for models that take it as an input
    Tensor pooled = {};             ///< (batch, channels) of ctx.type, for models with added channels
    std::vector<float> sizes = {};  ///< for each of the batch the numbers that those models want: SDXL's time ids
    std::int64_t silent = 0;        ///< leading rows whose tokens are zeros; no layer computes attention to them
  };
  /// A prompt as the layers want it: the same over all steps of a picture.
  struct Conditioning {
    std::vector<std::vector<KeyValue>> keys;  ///< of each transformer in the order of running, of each of its blocks
    Tensor guidance;                          ///< (batch, guidance channels)
    Tensor added;                             ///< (batch, time channels)
  };

  UNetEncoder(UNetEncoderConfig config, const Loader& loader);

  /// Transformers here; those of the way up come after them in Conditioning::keys.
  std::size_t transformers() const { return transformers_; }
  /// The channels of what `down` leaves in `skips`.
  const std::vector<std::int64_t>& skip_channels() const { return skip_channels_; }

  Conditioning prepare(Context& ctx, const Prompt& prompt) const;
  UNetStep begin(Context& ctx, const Tensor& timesteps, const Conditioning& conditioning) const;
  /// latent: (batch, height, width, in_channels) float32. What every layer made is left in `skips`, the last of them
  /// is the result. `hint`: added to the first, (batch, height, width, channels of the first stage). Stops when there
  /// are `most` skips, from 1 upwards.
  Tensor down(Context& ctx, const Tensor& latent, std::vector<Tensor>& skips, const UNetStep& step,
              const Tensor& hint = {}, std::size_t most = SIZE_MAX) const;
  /// x itself for models that have no middle.
  Tensor middle(Context& ctx, Tensor x, const UNetStep& step) const;

 private:
  Tensor embed_added(Context& ctx, const Prompt& prompt) const;

  UNetEncoderConfig config_;
  std::size_t transformers_ = 0;
  std::vector<std::int64_t> skip_channels_;
  TimeEmbedding time_embedding_;
  std::optional<TimeEmbedding> added_embedding_;
  Conv2d conv_in_;
  std::vector<UNetStage> down_;
  std::optional<UNetStage> middle_;
};

}  // namespace sumi
