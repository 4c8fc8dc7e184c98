#include "pipelines/prompt.h"

#include <algorithm>
#include <numeric>

#include "ops/elementwise.h"
#include "text/prompt.h"

namespace sumi {
namespace {

/// What the text encoder sees at once: the start token, tokens with their weights, the end token, padding.
struct Chunk {
  int clip_skip;
  std::vector<std::int32_t> ids;
  std::vector<float> weights;
  bool weighted() const {
    return std::any_of(weights.begin(), weights.end(), [](float weight) { return weight != 1; });
  }
  auto operator<=>(const Chunk&) const = default;
};

class Chunks {
 public:
  Chunks(const Tokenizer& tokenizer, int clip_skip)
      : tokenizer_(tokenizer), clip_skip_(clip_skip), room_(static_cast<std::size_t>(tokenizer.length()) - 2) {
    begin();
  }

  void add(const PromptPiece& piece) {
    if (piece.ends_chunk) return begin();
    for (const std::int32_t id : tokenizer_.encode(piece.text)) {
      if (chunks_.back().ids.size() == room_ + 1) begin();
      chunks_.back().ids.push_back(id);
      chunks_.back().weights.push_back(static_cast<float>(piece.weight));
    }
  }

  /// Closed and padded, at least `count` of them.
  std::vector<Chunk> finish(std::size_t count) && {
    while (chunks_.size() < count) begin();
    for (Chunk& chunk : chunks_) {
      chunk.ids.push_back(tokenizer_.eos());
      chunk.ids.resize(room_ + 2, tokenizer_.pad());
      chunk.weights.resize(room_ + 2, 1);
    }
    return std::move(chunks_);
  }
  std::size_t size() const { return chunks_.size(); }

 private:
  void begin() { chunks_.push_back({clip_skip_, {tokenizer_.bos()}, {1}}); }

  const Tokenizer& tokenizer_;
  int clip_skip_;
  std::size_t room_;
  std::vector<Chunk> chunks_;
};

std::vector<std::vector<Chunk>> cut(const Tokenizer& tokenizer, const std::vector<PromptText>& prompts) {
  std::vector<Chunks> rows;
  std::size_t most = 1;
  for (const PromptText& prompt : prompts) {
    Chunks& row = rows.emplace_back(tokenizer, prompt.clip_skip);
    for (const PromptPiece& piece : weighted_pieces(prompt.text)) row.add(piece);
    most = std::max(most, row.size());
  }
  std::vector<std::vector<Chunk>> cut;
  for (Chunks& row : rows) cut.push_back(std::move(row).finish(most));
  return cut;
}

/// Multiplies each token's embedding by its weight, and the whole so that its mean stays.
void weigh(const Chunk& chunk, std::span<float> embedding) {
  if (!chunk.weighted()) return;
  const auto mean = [&] {
    return std::accumulate(embedding.begin(), embedding.end(), 0.0) / static_cast<double>(embedding.size());
  };
  const double before = mean();
  const std::size_t channels = embedding.size() / chunk.weights.size();
  for (std::size_t i = 0; i < embedding.size(); ++i) embedding[i] *= chunk.weights[i / channels];
  const double after = mean();
  if (after == 0) return;
  for (float& value : embedding) value = static_cast<float>(value * (before / after));
}

/// The encoder's states of the chunks, in their order, on the host. Chunks of one clip skip lie together.
std::vector<float> encode(Context& ctx, const ClipText& text, const std::vector<Chunk>& chunks) {
  std::vector<float> encoded;
  for (auto first = chunks.begin(); first != chunks.end();) {
    std::vector<std::vector<std::int32_t>> ids;
    auto last = first;
    for (; last != chunks.end() && last->clip_skip == first->clip_skip; ++last) ids.push_back(last->ids);
    const auto states = ctx.download(text(ctx, ids, {.skip = first->clip_skip}).hidden);
    encoded.insert(encoded.end(), states.begin(), states.end());
    first = last;
  }
  return encoded;
}

}  // namespace

Tensor encode_prompts(Context& ctx, const Model& model, const std::vector<PromptText>& prompts) {
  const auto rows = cut(model.tokenizer, prompts);
  // Each different chunk is encoded once: the pictures of a batch share theirs.
  std::vector<Chunk> distinct;
  for (const auto& row : rows) distinct.insert(distinct.end(), row.begin(), row.end());
  std::sort(distinct.begin(), distinct.end());
  distinct.erase(std::unique(distinct.begin(), distinct.end()), distinct.end());
  std::vector<float> encoded = encode(ctx, model.text, distinct);

  const std::size_t size = encoded.size() / distinct.size();
  for (std::size_t i = 0; i < distinct.size(); ++i) weigh(distinct[i], std::span(encoded).subspan(i * size, size));
  std::vector<float> joined;
  joined.reserve(size * rows.size() * rows.front().size());
  for (const auto& row : rows) {
    for (const Chunk& chunk : row) {
      const auto at = std::lower_bound(distinct.begin(), distinct.end(), chunk) - distinct.begin();
      const auto values = std::span(encoded).subspan(static_cast<std::size_t>(at) * size, size);
      joined.insert(joined.end(), values.begin(), values.end());
    }
  }
  const auto batch = static_cast<std::int64_t>(rows.size()), channels = model.text.config().channels;
  return cast(ctx, ctx.upload(joined, {batch, static_cast<std::int64_t>(joined.size()) / batch / channels, channels}),
              ctx.type);
}

}  // namespace sumi
