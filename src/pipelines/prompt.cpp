#include "pipelines/prompt.h"

#include <algorithm>
#include <numeric>

#include "ops/elementwise.h"
#include "ops/layout.h"
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

  /// As much of the text as one chunk holds.
  void add_start(const std::string& text) {
    std::vector<std::int32_t> ids = tokenizer_.encode(text);
    ids.resize(std::min(ids.size(), room_));
    chunks_.back().ids.insert(chunks_.back().ids.end(), ids.begin(), ids.end());
    chunks_.back().weights.resize(chunks_.back().ids.size(), 1);
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

/// The prompts in chunks, for one of the encoders.
std::vector<Chunks> cut(const TextEncoder& encoder, bool second, int skip, const std::vector<PromptText>& prompts) {
  std::vector<Chunks> rows;
  for (const PromptText& prompt : prompts) {
    Chunks& row = rows.emplace_back(encoder.tokenizer, skip + prompt.clip_skip);
    const std::string& text = second ? prompt.second : prompt.text;
    if (prompt.syntax == PromptSyntax::plain) {
      row.add_start(text);
    } else {
      for (const PromptPiece& piece : weighted_pieces(text)) row.add(piece);
    }
  }
  return rows;
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

/// What one encoder makes of chunks, on the host.
struct States {
  std::vector<float> hidden, pooled;  ///< of each chunk, one after the other
};

/// Chunks of one clip skip lie together.
States encode(Context& ctx, const ClipText& text, const std::vector<Chunk>& chunks, bool plain_state, bool pooled) {
  States states;
  for (auto first = chunks.begin(); first != chunks.end();) {
    std::vector<std::vector<std::int32_t>> ids;
    auto last = first;
    for (; last != chunks.end() && last->clip_skip == first->clip_skip; ++last) ids.push_back(last->ids);
    const auto output = text(ctx, ids, {.skip = first->clip_skip, .normalised = !plain_state, .pooled = pooled});
    const auto append = [&](std::vector<float>& to, const Tensor& tensor) {
      const auto values = ctx.download(tensor);
      to.insert(to.end(), values.begin(), values.end());
    };
    append(states.hidden, output.hidden);
    if (pooled) append(states.pooled, output.pooled);
    first = last;
  }
  return states;
}

/// Each different chunk is encoded once: the pictures of a batch share theirs.
class EncodedChunks {
 public:
  EncodedChunks(Context& ctx, const Model& model, std::size_t encoder, const std::vector<std::vector<Chunk>>& rows)
      : rows_(rows) {
    for (const auto& row : rows) distinct_.insert(distinct_.end(), row.begin(), row.end());
    std::sort(distinct_.begin(), distinct_.end());
    distinct_.erase(std::unique(distinct_.begin(), distinct_.end()), distinct_.end());
    const bool last = encoder + 1 == model.texts.size();
    states_ = encode(ctx, model.texts[encoder].text, distinct_, model.pooled(), model.pooled() && last);
    const std::size_t size = states_.hidden.size() / distinct_.size();
    for (std::size_t i = 0; i < distinct_.size(); ++i) {
      weigh(distinct_[i], std::span(states_.hidden).subspan(i * size, size));
    }
  }

  /// Every chunk of every row, in order.
  std::vector<float> hidden() const {
    std::vector<float> joined;
    for (const auto& row : rows_) {
      for (const Chunk& chunk : row) append(joined, states_.hidden, chunk);
    }
    return joined;
  }
  /// Of the first chunk of every row.
  std::vector<float> pooled() const {
    std::vector<float> joined;
    for (const auto& row : rows_) append(joined, states_.pooled, row.front());
    return joined;
  }

 private:
  void append(std::vector<float>& to, const std::vector<float>& states, const Chunk& chunk) const {
    const std::size_t size = states.size() / distinct_.size();
    const auto at = std::lower_bound(distinct_.begin(), distinct_.end(), chunk) - distinct_.begin();
    const auto values = std::span(states).subspan(static_cast<std::size_t>(at) * size, size);
    to.insert(to.end(), values.begin(), values.end());
  }

  const std::vector<std::vector<Chunk>>& rows_;
  std::vector<Chunk> distinct_;
  States states_;
};

bool silent(const Model& model, const PromptText& prompt) { return prompt.absent && model.zeros_without_negative; }

void clear_rows(const Model& model, const std::vector<PromptText>& prompts, std::vector<float>& values) {
  const std::size_t size = values.size() / prompts.size();
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    if (!silent(model, prompts[i])) continue;
    std::fill_n(values.begin() + static_cast<std::ptrdiff_t>(i * size), size, 0.0f);
  }
}

}  // namespace

std::vector<float> size_numbers(const Model& model, std::int64_t width, std::int64_t height, const Micro& micro,
                                double aesthetic) {
  if (!model.pooled()) return {};
  const auto made = std::pair(static_cast<int>(width), static_cast<int>(height));
  const auto original = micro.original.value_or(made), target = micro.target.value_or(made);
  std::vector<float> sizes{static_cast<float>(original.second), static_cast<float>(original.first),
                           static_cast<float>(micro.crop_y), static_cast<float>(micro.crop_x)};
  if (model.size_numbers() == 5) {
    sizes.push_back(static_cast<float>(aesthetic));
  } else {
    sizes.push_back(static_cast<float>(target.second));
    sizes.push_back(static_cast<float>(target.first));
  }
  return sizes;
}

UNet::Prompt encode_prompts(Context& ctx, const Model& model, const std::vector<PromptText>& prompts) {
  const auto batch = static_cast<std::int64_t>(prompts.size());
  const auto upload = [&](std::vector<float> values, Shape shape) {
    clear_rows(model, prompts, values);
    return cast(ctx, ctx.upload(values, shape), ctx.type);
  };
  std::vector<std::vector<Chunks>> cuts;
  std::size_t most = 1;
  for (std::size_t i = 0; i < model.texts.size(); ++i) {
    cuts.push_back(cut(model.texts[i], i > 0, model.pooled() ? 1 : 0, prompts));
    for (const Chunks& row : cuts.back()) most = std::max(most, row.size());
  }
  UNet::Prompt encoded;
  for (; encoded.silent < batch; ++encoded.silent) {
    if (!silent(model, prompts[static_cast<std::size_t>(encoded.silent)])) break;
  }
  for (const PromptText& prompt : prompts) {
    encoded.sizes.insert(encoded.sizes.end(), prompt.sizes.begin(), prompt.sizes.end());
  }
  for (std::size_t i = 0; i < model.texts.size(); ++i) {
    std::vector<std::vector<Chunk>> rows;
    for (Chunks& row : cuts[i]) rows.push_back(std::move(row).finish(most));
    const EncodedChunks chunks(ctx, model, i, rows);
    const std::int64_t channels = model.texts[i].text.config().channels;
    const std::vector<float> hidden = chunks.hidden();
    const Tensor tokens =
        upload(hidden, {batch, static_cast<std::int64_t>(hidden.size()) / batch / channels, channels});
    encoded.tokens = i ? concat(ctx, encoded.tokens, tokens) : tokens;
    if (model.pooled() && i + 1 == model.texts.size()) {
      const std::vector<float> pooled = chunks.pooled();
      encoded.pooled = upload(pooled, {batch, static_cast<std::int64_t>(pooled.size()) / batch});
    }
  }
  return encoded;
}

}  // namespace sumi
