#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "models/clip_layer.h"

namespace sumi {

/// The `config.json` of a safety checker: the part on pictures of a CLIP model's.
struct SafetyCheckerConfig : ClipLayersConfig {
  std::int64_t side;   ///< of the pictures it looks at, in pixels: 224
  std::int64_t patch;  ///< side of what becomes one token
  std::int64_t projection;

  std::int64_t tokens() const { return side / patch * (side / patch) + 1; }

  /// Error(bad_file) for values that make no sense, Error(unsupported) for what nothing here computes.
  static SafetyCheckerConfig from(const Settings& settings);
};

/// Says whether pictures are likely to be unfit to be shown, as Stable Diffusion's safety checker: the CLIP embedding
/// of a picture (Radford et al., 2021) against those of some concepts, each with a threshold.
class SafetyChecker {
 public:
  /// How far the cosine of each concept is above its threshold, rounded to thousandths.
  struct Verdict {
    static constexpr std::size_t concepts = 17, special = 3;
    std::array<double, concepts> concept_scores{};
    std::array<double, special> special_scores{};  ///< one above 0 raises all that come after it by a hundredth
    bool unfit = false;                            ///< a score of `concept_scores` is above 0
  };

  /// `loader` is at the root of the checkpoint. The caller calls its `finish`.
  SafetyChecker(SafetyCheckerConfig config, const Loader& loader);

  const SafetyCheckerConfig& config() const { return config_; }
  /// Pictures of 0 to 255, (batch, side, side, 3), row by row: what the reference's preprocessing makes of a picture is
  /// its shorter side at `side` pixels by bicubic interpolation, then the square in the middle.
  std::vector<Verdict> operator()(Context& ctx, const std::vector<std::uint8_t>& pictures) const;
  /// The embedding that the verdicts rest on: (batch, projection) float32.
  Tensor embed(Context& ctx, const std::vector<std::uint8_t>& pictures) const;

 private:
  using Embeddings = std::vector<std::vector<double>>;  ///< of length 1

  static Embeddings embeddings(const Loader& loader, std::string_view name, std::size_t count, std::int64_t channels);
  Tensor tokens(Context& ctx, const Tensor& pictures) const;
  Verdict judge(std::span<const float> embedding) const;

  SafetyCheckerConfig config_;
  Conv2d patches_;
  std::vector<float> class_token_, positions_;
  LayerNorm norm_in_, norm_out_;
  std::vector<ClipLayer> layers_;
  Linear projection_;
  Embeddings concepts_, special_;
  std::vector<float> concept_thresholds_, special_thresholds_;
};

}  // namespace sumi
