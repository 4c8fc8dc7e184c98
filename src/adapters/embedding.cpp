#include "adapters/embedding.h"

#include <algorithm>
#include <array>
#include <utility>

#include "core/check.h"
#include "weights/pickled.h"
#include "weights/safetensors.h"

namespace sumi {
namespace {

constexpr std::int64_t kMostVectors = 1 << 10, kMostChannels = 1 << 13;

struct Key {
  std::string_view name;
  int encoder;
};
/// Tensors that are not named by a token: A1111's, and those of SDXL's two encoders in kohya's and diffusers' words.
constexpr std::array<Key, 6> kKeys{{{"emb_params", -1},
                                    {"string_to_param.*", -1},
                                    {"clip_l", 0},
                                    {"clip_g", 1},
                                    {"text_encoders_0", 0},
                                    {"text_encoders_1", 1}}};

Embedding::Rows rows_of(const Source& source, int encoder, const std::string& where, const std::string& name) {
  const Shape& shape = source.shape();
  const std::int64_t count = shape.rank() == 2 ? shape[0] : 1;
  check((shape.rank() == 1 || shape.rank() == 2) && count >= 1 && count <= kMostVectors && shape[-1] >= 1 &&
            shape[-1] <= kMostChannels,
        ErrorCode::bad_file, "{}: {} is {}, expected the vectors of a learned word", where, name, shape.text());
  return {encoder, count, shape[-1], read_all(source)};
}

void read_tensors(const TensorMap& tensors, Embedding& embedding) {
  for (const Key& key : kKeys) {
    const auto found = tensors.find(key.name);
    if (found == tensors.end()) continue;
    embedding.rows.push_back(rows_of(*found->second, key.encoder, embedding.where, found->first));
  }
  if (!embedding.rows.empty()) return;
  check(tensors.size() == 1, ErrorCode::bad_file, "{}: {} tensors, expected one named by the token of a learned word",
        embedding.where, tensors.size());
  const auto& [token, source] = *tensors.begin();
  embedding.words.push_back(token);
  embedding.rows.push_back(rows_of(*source, -1, embedding.where, token));
}

/// The vectors that an embedding has for an encoder of that width.
const Embedding::Rows& rows_for(const Embedding& embedding, int encoder, std::int64_t channels) {
  for (const auto& rows : embedding.rows) {
    if (rows.channels == channels && (rows.encoder == -1 || rows.encoder == encoder)) return rows;
  }
  fail(ErrorCode::bad_model, "{}: vectors of {} channels, the model's {} text encoder has {}: it is of another family",
       embedding.where, embedding.rows.front().channels, encoder == 0 ? "first" : "second", channels);
}

}  // namespace

Embedding read_embedding(const std::filesystem::path& path) {
  Embedding embedding{.where = path.string(), .words = {path.stem().string()}};
  if (is_pickled(path)) {
    const PickledFile file = read_pickled_file(path);
    read_tensors(file.tensors, embedding);
    const auto name = file.values.find("name");
    if (name != file.values.end() && name->is_string()) embedding.words.push_back(name->get<std::string>());
  } else {
    read_tensors(read_safetensors(path), embedding);
  }
  auto& words = embedding.words;
  std::sort(words.begin(), words.end());
  words.erase(std::unique(words.begin(), words.end()), words.end());
  std::erase(words, "");
  return embedding;
}

void learn_words(const std::vector<Embedding>& embeddings, int encoder, Tokenizer& tokenizer, ClipText& text) {
  std::vector<LearnedWord> words;
  std::vector<float> table;
  const std::int64_t channels = text.config().channels;
  for (const Embedding& embedding : embeddings) {
    const auto& rows = rows_for(embedding, encoder, channels);
    const auto first = text.config().vocabulary + static_cast<std::int64_t>(table.size()) / channels;
    for (const std::string& word : embedding.words) {
      words.push_back({word, static_cast<std::int32_t>(first), static_cast<int>(rows.count)});
    }
    table.insert(table.end(), rows.values.begin(), rows.values.end());
  }
  tokenizer.learn(words);
  text.learn(std::move(table));
}

}  // namespace sumi
