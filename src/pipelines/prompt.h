#pragma once

#include <string>
#include <vector>

#include "pipelines/model.h"

namespace sumi {

/// A prompt and the layers of the text encoder that are left out at its end.
struct PromptText {
  std::string text;
  int clip_skip = 0;
};

/// Embeddings of prompts, one after the other along the first axis: (prompts, tokens, channels) of ctx.type.
/// A prompt is read as weighted pieces (text/prompt.h), cut in chunks of 75 tokens that are encoded one by one and
/// joined along the tokens; shorter prompts are padded with empty chunks. Each token's embedding is multiplied by its
/// weight, then the chunk is rescaled to its old mean. A prompt of one chunk without weights is the reference's plain
/// encoding.
Tensor encode_prompts(Context& ctx, const Model& model, const std::vector<PromptText>& prompts);

}  // namespace sumi
