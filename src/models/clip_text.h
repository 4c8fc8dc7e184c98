#pragma once

#include <string>
#include <vector>

#include "core/settings.h"
#include "models/clip_layer.h"
#include "ops/embedding.h"

namespace sumi {

/// A text encoder's `config.json`.
struct ClipTextConfig : ClipLayersConfig {
  std::int64_t vocabulary, positions;
  std::int64_t projection = 0;  ///< channels of the pooled embedding's projection; 0 where there is none
  std::int64_t end_token;       ///< whose position is pooled

  /// Error(bad_file) for values that make no sense, Error(unsupported) for what nothing here computes.
  static ClipTextConfig from(const Settings& settings);
};

/// The text encoder of CLIP (Radford et al., 2021): a causal transformer on token and position embeddings.
class ClipText {
 public:
  /// What is wanted of a prompt. Stable Diffusion 1 and 2 take the normalised state; XL the plain one of the second but
  /// last layer and, of its second encoder, the pooled one.
  struct Ask {
    int skip = 0;            ///< layers left out at the end, 0 to all (the embeddings alone)
    bool normalised = true;  ///< the final layer norm is applied
    bool pooled = false;
  };
  struct Output {
    Tensor hidden;  ///< (batch, tokens, channels) of ctx.type
    Tensor pooled;  ///< (batch, projection, or channels without one): the end token's normalised last state, projected
  };

  /// `loader` is at the root of the checkpoint, with `clip_text_names`. The caller calls its `finish`.
  ClipText(const ClipTextConfig& config, const Loader& loader);

  const ClipTextConfig& config() const { return config_; }
  /// Adds rows of config().channels values to the table of tokens, in place of those of the last call: the embeddings
  /// of learned words. The first one's id is config().vocabulary.
  void learn(std::vector<float> rows);
  /// Token ids of prompts, equally long, at most config().positions. Error(bad_model) for an id outside the table,
  /// Error(usage) for a skip that leaves fewer layers than none.
  Output operator()(Context& ctx, const std::vector<std::vector<std::int32_t>>& ids, const Ask& ask) const;
  Output operator()(Context& ctx, const std::vector<std::vector<std::int32_t>>& ids) const {
    return (*this)(ctx, ids, Ask{});
  }

 private:
  Tensor embed(Context& ctx, const std::vector<std::vector<std::int32_t>>& ids) const;
  Tensor pool(Context& ctx, const Tensor& last, const std::vector<std::vector<std::int32_t>>& ids) const;
  std::int64_t end_of(const std::vector<std::int32_t>& ids) const;

  ClipTextConfig config_;
  SourcePtr vocabulary_;
  Weight tokens_;  // the vocabulary's, then learned ones
  Vector positions_;
  std::vector<ClipLayer> layers_;
  LayerNorm final_norm_;
  std::optional<Linear> projection_;
};

}  // namespace sumi
