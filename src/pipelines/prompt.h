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
};

struct EncodedPrompts {
  Tensor tokens;  ///< (prompts, tokens, channels of all encoders) of ctx.type
  Tensor pooled;  ///< (prompts, channels) of ctx.type, of models that take it
};

/// Embeddings of prompts, one after the other along the first axis.
/// A weighted prompt is read as pieces (text/prompt.h), cut in chunks of 75 tokens that are encoded one by one and
/// joined along the tokens; shorter prompts are padded with empty chunks. Each token's embedding is multiplied by its
/// weight, then the chunk is rescaled to its old mean. A prompt of one chunk without weights is the reference's plain
/// encoding. The pooled embedding is that of the first chunk.
EncodedPrompts encode_prompts(Context& ctx, const Model& model, const std::vector<PromptText>& prompts);

}  // namespace sumi
