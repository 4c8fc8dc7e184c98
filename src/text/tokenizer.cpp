#include "text/tokenizer.h"

#include <algorithm>
#include <array>

#include "core/check.h"
#include "text/clip_tokenizer.h"
#include "text/unicode.h"

namespace sumi {
namespace {

std::u32string normalize(std::u32string_view text) {
  std::u32string normal;
  bool in_space = false;
  for (const char32_t point : compose(text)) {
    const bool space = is_space(point);
    if (!space) append_lower(point, normal);
    if (space && !in_space) normal += U' ';
    in_space = space;
  }
  return normal;
}

/// The length of a contraction at the start of `text`: 's, 't, 're, 've, 'm, 'll or 'd; 0 for none.
std::size_t contraction(std::u32string_view text) {
  constexpr std::array<std::u32string_view, 7> kEndings{U"'s", U"'t", U"'re", U"'ve", U"'m", U"'ll", U"'d"};
  const auto found =
      std::find_if(kEndings.begin(), kEndings.end(), [&](auto ending) { return text.starts_with(ending); });
  return found == kEndings.end() ? 0 : found->size();
}

/// The length of the word that `text` begins with; 0 at white space.
std::size_t word_length(std::u32string_view text) {
  if (const std::size_t length = contraction(text)) return length;
  const auto run = [&](auto belongs) {
    return static_cast<std::size_t>(std::find_if_not(text.begin(), text.end(), belongs) - text.begin());
  };
  if (is_letter(text[0])) return run(is_letter);
  if (is_number(text[0])) return 1;
  return run([](char32_t point) { return !is_space(point) && !is_letter(point) && !is_number(point); });
}

bool is_word(char32_t point) { return is_letter(point) || is_number(point) || point == U'_'; }

/// Whether `text` has no part of a word right before and after these points that goes on from them.
bool stands_alone(std::u32string_view text, std::size_t at, std::size_t length) {
  const auto joined = [&](std::size_t left) { return is_word(text[left]) && is_word(text[left + 1]); };
  return (at == 0 || !joined(at - 1)) && (at + length == text.size() || !joined(at + length - 1));
}

template <class Patterns>
void longest_first(Patterns& patterns) {
  std::stable_sort(patterns.begin(), patterns.end(),
                   [](const auto& a, const auto& b) { return a.text.size() > b.text.size(); });
}

}  // namespace

Tokenizer Tokenizer::load(const std::filesystem::path& folder) {
  return Tokenizer(parse_vocabulary(read_tokenizer_files(folder)));
}

Tokenizer Tokenizer::clip(const std::string& pad) { return Tokenizer(parse_vocabulary(clip_tokenizer_files(pad))); }

Tokenizer::Tokenizer(const Vocabulary& vocabulary)
    : bpe_(vocabulary),
      bos_(vocabulary.bos),
      eos_(vocabulary.eos),
      pad_(vocabulary.pad),
      vocabulary_size_(vocabulary.size),
      length_(vocabulary.length) {
  for (const AddedToken& token : vocabulary.added) {
    const auto text = decode_utf8(token.text, ErrorCode::bad_file, vocabulary.where);
    (token.normalized ? normalized_ : raw_).push_back({token.normalized ? normalize(text) : text, token.id});
  }
  longest_first(raw_);
  longest_first(normalized_);
}

void Tokenizer::learn(const std::vector<LearnedWord>& words) {
  Patterns learned;
  for (const LearnedWord& word : words) {
    const auto text = normalize(decode_utf8(word.text, ErrorCode::usage, "learned word"));
    const auto blank = std::all_of(text.begin(), text.end(), is_space);
    check(!blank, ErrorCode::usage, "a learned word is blank");
    const auto same = [&](const Pattern& other) { return other.text == text; };
    check(std::none_of(learned.begin(), learned.end(), same), ErrorCode::usage, "the word '{}' is learned twice",
          word.text);
    learned.push_back({text, word.first, word.count, true});
  }
  longest_first(learned);
  learned_ = std::move(learned);
}

/// Appends the ids of the patterns found, the leftmost and longest first, and calls `on_text` for what lies between.
template <class OnText>
void Tokenizer::split(std::u32string_view text, const Patterns& patterns, std::vector<std::int32_t>& ids,
                      OnText on_text) {
  std::size_t begin = 0, at = 0;
  while (at < text.size()) {
    const auto here = text.substr(at);
    const auto found = std::find_if(patterns.begin(), patterns.end(), [&](const Pattern& pattern) {
      return here.starts_with(pattern.text) && (!pattern.whole_word || stands_alone(text, at, pattern.text.size()));
    });
    if (found == patterns.end()) {
      ++at;
      continue;
    }
    on_text(text.substr(begin, at - begin));
    for (int i = 0; i < found->count; ++i) ids.push_back(found->id + i);
    at += found->text.size();
    begin = at;
  }
  on_text(text.substr(begin));
}

void Tokenizer::encode_words(std::u32string_view text, std::vector<std::int32_t>& ids) const {
  std::string word;
  while (!text.empty()) {
    const std::size_t length = word_length(text);
    word.clear();
    for (const char32_t point : text.substr(0, length)) append_utf8(point, word);
    bpe_.encode(word, ids);
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
}

std::vector<std::int32_t> Tokenizer::encode(std::string_view text) const {
  std::vector<std::int32_t> ids;
  split(decode_utf8(text, ErrorCode::usage, "prompt"), raw_, ids, [&](std::u32string_view part) {
    split(normalize(part), learned_, ids, [&](std::u32string_view rest) {
      split(rest, normalized_, ids, [&](std::u32string_view words) { encode_words(words, ids); });
    });
  });
  return ids;
}

std::vector<std::int32_t> Tokenizer::padded(std::string_view text) const {
  std::vector<std::int32_t> ids = encode(text);
  const auto length = static_cast<std::size_t>(length_);
  ids.resize(std::min(ids.size(), length - 2));
  ids.insert(ids.begin(), bos_);
  ids.push_back(eos_);
  ids.resize(length, pad_);
  return ids;
}

}  // namespace sumi
