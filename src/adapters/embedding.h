#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "models/clip_text.h"
#include "text/tokenizer.h"

namespace sumi {

/// A learned word (textual inversion, Gal et al. 2022): in a prompt it stands for the vectors of its file.
struct Embedding {
  /// The vectors for one text encoder.
  struct Rows {
    int encoder = -1;  ///< 0 or 1 where the file says which; -1 where only the channels tell
    std::int64_t count, channels;
    std::vector<float> values;  ///< (count, channels)
  };

  std::string where;
  std::vector<std::string> words;  ///< the file's name without its ending, and the token that the file names
  std::vector<Rows> rows;
};

/// Reads a safetensors file with a tensor named by its token, or SDXL's `clip_l` and `clip_g`, or A1111's `emb_params`;
/// and the same pickled. Error(bad_file) for vectors that are none.
Embedding read_embedding(const std::filesystem::path& path);

/// Teaches a tokenizer and its text encoder, the `encoder`-th of the model, these words and forgets those of the last
/// call. The next run packs the table of tokens again. Error(bad_model) for an embedding without vectors of the
/// encoder's channels, Error(usage) for two of one word.
void learn_words(const std::vector<Embedding>& embeddings, int encoder, Tokenizer& tokenizer, ClipText& text);

}  // namespace sumi
