#pragma once

#include <string>
#include <vector>

#include "pipelines/model.h"
#include "sumi/request.h"

namespace sumi {

/// What the text encoders are given for one picture.
struct PromptText {
  std::string text;
  std::string second = {};  ///< for the second encoder
  int clip_skip = 0;        ///< more layers left out at the end
  bool absent = false;      ///< a negative prompt that was not given
  PromptSyntax syntax = PromptSyntax::weighted;
  std::vector<float> sizes = {};  ///< as `size_numbers` gives them
};

/// The numbers that SDXL and its refiner are told beside a prompt (Podell et al., 2023, section 2.2); none for other
/// models. Width and height in pixels, of what is made.
std::vector<float> size_numbers(const Model& model, std::int64_t width, std::int64_t height, const Micro& micro,
                                double aesthetic);

/// Prompts as the UNet takes them, one after the other along the first axis.
/// A weighted prompt is read as pieces (text/prompt.h), cut in chunks of 75 tokens that are encoded one by one and
/// joined along the tokens; shorter prompts are padded with empty chunks. Each token's embedding is multiplied by its
/// weight, then the chunk is rescaled to its old mean. A prompt of one chunk without weights is the reference's plain
/// encoding. The pooled embedding is that of the first chunk.
UNet::Prompt encode_prompts(Context& ctx, const Model& model, const std::vector<PromptText>& prompts);

}  // namespace sumi
