#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/bpe.h"
#include "text/vocabulary.h"

namespace sumi {

/// A word that stands for `count` ids from `first` on. Letters of either case are the same; it is found where no
/// letter, digit or underscore continues one of its own.
struct LearnedWord {
  std::string text;
  std::int32_t first;
  int count = 1;
};

/// CLIP's tokenizer (Radford et al. 2021): text is composed (NFC), its white space made single spaces and its letters
/// lower case; words are runs of letters, single digits, runs of anything else, and the English contractions; each word
/// is encoded by byte pairs. Special tokens in the text are taken as such. Any number of threads may use one.
class Tokenizer {
 public:
  /// A folder with vocab.json and merges.txt, or tokenizer.json; errors as in vocabulary.h.
  static Tokenizer load(const std::filesystem::path& folder);
  /// CLIP's own, which is part of the library (clip_tokenizer.h).
  static Tokenizer clip(const std::string& pad = "<|endoftext|>");
  explicit Tokenizer(const Vocabulary& vocabulary);

  /// Words to know beside the vocabulary's, in place of those of the last call. Error(usage) for one that is blank, is
  /// there twice or is not UTF-8.
  void learn(const std::vector<LearnedWord>& words);

  /// The text's ids alone, however many. Error(usage) naming the first byte that is not UTF-8.
  std::vector<std::int32_t> encode(std::string_view text) const;
  /// `length()` ids: start, the text's as far as they fit, end, padding.
  std::vector<std::int32_t> padded(std::string_view text) const;

  std::int32_t bos() const { return bos_; }
  std::int32_t eos() const { return eos_; }
  std::int32_t pad() const { return pad_; }
  int length() const { return length_; }  ///< 77 for CLIP
  /// The largest id, plus one: the text encoder needs as many embeddings.
  std::int32_t vocabulary_size() const { return vocabulary_size_; }

 private:
  struct Pattern {
    std::u32string text;
    std::int32_t id;
    int count = 1;            ///< of ids, one after the other
    bool whole_word = false;  ///< not as part of a longer word
  };
  using Patterns = std::vector<Pattern>;
  template <class OnText>
  static void split(std::u32string_view text, const Patterns& patterns, std::vector<std::int32_t>& ids, OnText on_text);
  void encode_words(std::u32string_view text, std::vector<std::int32_t>& ids) const;

  Bpe bpe_;
  Patterns raw_, normalized_;  // special tokens to find before and after the text is normalized, the longest first
  Patterns learned_;           // to find in normalized text, before special tokens
  std::int32_t bos_, eos_, pad_, vocabulary_size_;
  int length_;
};

}  // namespace sumi
