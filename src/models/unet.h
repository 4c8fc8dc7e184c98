#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/json.h"
#include "nn/resnet.h"
#include "nn/time_embedding.h"
#include "nn/transformer.h"

namespace sumi {

/// A UNet's `config.json`, one entry for each stage.
struct UNetConfig {
  struct Stage {
    std::int64_t channels;
    std::int64_t layers;               ///< resnet blocks
    std::vector<std::int64_t> depths;  ///< transformer blocks after each resnet block; empty without attention
    std::int64_t heads, prompt_channels;
  };

  std::int64_t in_channels, out_channels;
  std::int64_t sample_size;  ///< height and width of the latents it was trained on
  std::int64_t groups;
  double epsilon;
  std::vector<Stage> down, up;
  std::optional<Stage> middle;  ///< the resnet blocks lie around the transformers: one more of them

  std::int64_t time_channels;
  double frequency_shift;
  bool cosine_first;
  std::int64_t guidance_channels = 0;  ///< sinusoids of the guidance scale (LCM); 0 where it is no input
  /// Sizes and pooled prompt as inputs (SDXL, "text_time"): sinusoids for each number, and of all with the pooled
  /// prompt.
  std::int64_t size_channels = 0, added_channels = 0;

  /// Error(bad_file) for values that make no sense, Error(unsupported) for what nothing here computes.
  static UNetConfig from(const Settings& settings);
};

/// The denoiser of latent diffusion (Rombach et al., 2022): a UNet of resnet blocks and transformers that look at the
/// prompt.
class UNet {
 public:
  /// What the prediction depends on besides latents and time.
  struct Prompt {
    Tensor tokens;                  ///< (batch, tokens, prompt channels) of ctx.type
    double guidance = 1;            ///< the guidance scale, for models that take it as an input
    Tensor pooled = {};             ///< (batch, channels) of ctx.type, for models with added channels
    std::vector<float> sizes = {};  ///< for each of the batch the numbers that those models want: SDXL's time ids
  };
  /// A prompt as the layers want it: the same over all steps of a picture.
  struct Conditioning {
    std::vector<std::vector<KeyValue>> keys;  ///< of each transformer in the order of running, of each of its blocks
    Tensor guidance;                          ///< (batch, guidance channels)
    Tensor added;                             ///< (batch, time channels)
  };

  /// `loader` is at the root of the checkpoint. The caller calls its `finish`.
  UNet(UNetConfig config, const Loader& loader);

  const UNetConfig& config() const { return config_; }
  /// The result lies in ctx's arena.
  Conditioning prepare(Context& ctx, const Prompt& prompt) const;
  /// What the model was trained to predict, noise or velocity: (batch, height, width, out_channels) float32.
  /// latent: (batch, height, width, in_channels) float32, any height and width; timesteps: (batch) float32.
  Tensor operator()(Context& ctx, const Tensor& latent, const Tensor& timesteps,
                    const Conditioning& conditioning) const;

 private:
  /// Resnet blocks, each with a transformer after it or none with one; then a change of resolution.
  struct Stage {
    std::string name;
    std::vector<ResnetBlock> resnets;
    std::vector<SpatialTransformer> transformers;
    std::size_t first_transformer;  ///< index in Conditioning::keys
    std::optional<Downsample> downsample;
    std::optional<Upsample> upsample;
  };
  /// What all layers of a step share.
  struct Step {
    Tensor time;  ///< (batch, time channels), after its SiLU
    const Conditioning& conditioning;
  };

  Stage make_stage(const Loader& loader, const UNetConfig::Stage& sizes, std::span<const std::int64_t> inputs);
  void make_down(const Loader& loader, std::vector<std::int64_t>& skips);
  void make_up(const Loader& loader, std::vector<std::int64_t>& skips);

  Tensor embed_added(Context& ctx, const Prompt& prompt) const;
  Tensor embed_time(Context& ctx, const Tensor& timesteps, const Conditioning& conditioning) const;
  Tensor transform(Context& ctx, const Stage& stage, std::size_t i, Tensor x, const Step& step) const;
  Tensor down(Context& ctx, Tensor x, std::vector<Tensor>& skips, const Step& step) const;
  Tensor middle(Context& ctx, Tensor x, const Step& step) const;
  Tensor up(Context& ctx, Tensor x, std::vector<Tensor>& skips, const Step& step) const;

  UNetConfig config_;
  std::size_t transformers_ = 0;
  TimeEmbedding time_embedding_;
  std::optional<TimeEmbedding> added_embedding_;
  Conv2d conv_in_, conv_out_;
  GroupNorm norm_out_;
  std::vector<Stage> down_, up_;
  std::optional<Stage> middle_;
};

}  // namespace sumi
