#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sumi/parts/model.h"

namespace sumi::parts {

/// What the UNet is told of prompts: a row for each picture, float32 on the host. Values may be changed or made by
/// other means; the UNet refuses what does not fit it.
struct Conditioning {
  int rows = 0, tokens = 0;
  std::vector<float> embeddings;  ///< (rows, tokens, channels of all text encoders)
  std::vector<float> pooled;      ///< (rows, channels), of models that take it: Stable Diffusion XL
  /// (rows, 6) or (rows, 5): the sizes that SDXL or its refiner are told, as `Micro` says.
  std::vector<float> sizes;
  double guidance = 1;  ///< for models that take the guidance scale as an input: latent consistency models
};

/// How prompts are read. Fields as those of `Request`.
struct TextOptions {
  /// Rows for what to steer away from come before those of the prompts, as `guide` wants them.
  bool guided = true;
  std::optional<std::string> negative;  ///< absent: the model's own empty condition
  std::optional<std::string> prompt_2, negative_2;
  PromptSyntax syntax = PromptSyntax::weighted;
  int clip_skip = 0;
  double guidance = 1;        ///< Conditioning::guidance
  int width = 0, height = 0;  ///< of what is made, in pixels, for SDXL; 0: the model's default
  Micro micro;
};

/// Tokenizers and CLIP text encoders.
class TextEncoder {
 public:
  explicit TextEncoder(const Model& model) : model_(model) {}

  /// One row a prompt, UTF-8, or two with `guided`: first all negative ones. Prompts of one call have the same number
  /// of tokens, 77 or a multiple. Error(usage) for no prompts or options that make no sense, Error(out_of_memory).
  Conditioning encode(const std::vector<std::string>& prompts, const TextOptions& options = {}) const;

 private:
  Model model_;
};

}  // namespace sumi::parts
