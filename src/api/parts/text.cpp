#include "sumi/parts/text.h"

#include "api/parts/state.h"
#include "pipelines/choices.h"
#include "pipelines/prompt.h"

namespace sumi::parts {
namespace {

std::vector<PromptText> rows_of(const sumi::Model& model, const std::vector<std::string>& prompts,
                                const TextOptions& options) {
  const auto numbers = [&](double aesthetic) {
    return size_numbers(model, options.width ? options.width : model.defaults.width,
                        options.height ? options.height : model.defaults.height, options.micro, aesthetic);
  };
  std::vector<PromptText> rows;
  if (options.guided) {
    const std::string negative = options.negative.value_or("");
    rows.assign(prompts.size(), {.text = negative,
                                 .second = options.negative_2.value_or(negative),
                                 .absent = !options.negative,
                                 .syntax = options.syntax,
                                 .sizes = numbers(options.micro.negative_aesthetic)});
  }
  for (const std::string& prompt : prompts) {
    rows.push_back({.text = prompt,
                    .second = options.prompt_2.value_or(prompt),
                    .clip_skip = options.clip_skip,
                    .syntax = options.syntax,
                    .sizes = numbers(options.micro.aesthetic)});
  }
  return rows;
}

}  // namespace

Conditioning TextEncoder::encode(const std::vector<std::string>& prompts, const TextOptions& options) const {
  Model::State& state = model_.state();
  check(!prompts.empty(), ErrorCode::usage, "no prompts to encode");
  check_clip_skip(*state.model, options.clip_skip);
  const std::vector<PromptText> rows = rows_of(*state.model, prompts, options);
  Conditioning made{.rows = static_cast<int>(rows.size()), .guidance = options.guidance};
  state.run([&](Context& ctx) {
    const sumi::UNet::Prompt prompt = encode_prompts(ctx, *state.model, rows);
    made.tokens = static_cast<int>(prompt.tokens.size(1));
    made.embeddings = ctx.download(prompt.tokens);
    if (prompt.pooled) made.pooled = ctx.download(prompt.pooled);
    made.sizes = prompt.sizes;
  });
  return made;
}

}  // namespace sumi::parts
