#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace sumi {

/// The files of a tokenizer's folder, as text; those that it lacks are empty.
struct TokenizerFiles {
  std::string where;                       ///< the folder, for errors
  std::optional<std::string> vocab;        ///< vocab.json
  std::optional<std::string> merges;       ///< merges.txt
  std::optional<std::string> tokenizer;    ///< tokenizer.json, used where one of the two is missing
  std::optional<std::string> config;       ///< tokenizer_config.json
  std::optional<std::string> special_map;  ///< special_tokens_map.json
};
/// Error(not_found) where there is no such folder, Error(io), or Error(bad_file) for a file that is absurdly long.
TokenizerFiles read_tokenizer_files(const std::filesystem::path& folder);

/// A token that is recognised inside a text before the text is split into words.
struct AddedToken {
  std::string text;
  std::int32_t id;
  bool normalized;  ///< looked for after composition, white space and lower case, else in the text as it came
};

/// What a tokenizer is made of. Tokens are in the byte alphabet of BPE, the last of a word ends in `</w>`.
struct Vocabulary {
  std::string where;
  std::unordered_map<std::string, std::int32_t> ids;
  std::vector<std::pair<std::string, std::string>> merges;  ///< the most frequent pair first
  std::vector<AddedToken> added;
  std::int32_t bos = 0, eos = 0, pad = 0, unknown = 0;
  std::int32_t size = 0;  ///< the largest id, plus one
  int length = 77;        ///< tokens of a padded prompt
};

/// Error(bad_file) for files that are broken or do not fit together: JSON, a token or id twice, ids out of range, merge
/// lines that are not two tokens, special tokens that the vocabulary lacks. Error(unsupported) for another kind of
/// tokenizer, Error(not_found) where files are missing.
Vocabulary parse_vocabulary(const TokenizerFiles& files);

}  // namespace sumi
