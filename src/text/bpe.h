#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "text/vocabulary.h"

namespace sumi {

/// The printable character that stands for each byte in the token files: itself where Latin-1 prints it, else the next
/// unused one from U+0100 on.
std::array<std::string, 256> byte_alphabet();

/// Byte-pair encoding (Sennrich, Haddow and Birch 2016) on bytes: a word begins as its bytes, the last one marked as
/// the end of the word; the pair that comes first in the list of merges is joined, the leftmost first, until none is
/// left.
class Bpe {
 public:
  /// Error(bad_file) for merges of tokens that the vocabulary lacks, or the same merge twice.
  explicit Bpe(const Vocabulary& vocabulary);

  /// Appends the ids of one word. Time n log n in its length.
  void encode(std::string_view word, std::vector<std::int32_t>& ids) const;

 private:
  struct Merge {
    std::int32_t rank, id;
  };
  const Merge* find(std::int32_t left, std::int32_t right) const;

  std::array<std::int32_t, 256> byte_ids_, last_byte_ids_;
  std::unordered_map<std::uint64_t, Merge> merges_;
};

}  // namespace sumi
