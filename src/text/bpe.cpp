#include "text/bpe.h"

#include <queue>
#include <string>

#include "core/check.h"
#include "text/unicode.h"

namespace sumi {
namespace {

constexpr std::string_view kEndOfWord = "</w>";

std::uint64_t key_of(std::int32_t left, std::int32_t right) {
  return static_cast<std::uint64_t>(left) << 32 | static_cast<std::uint32_t>(right);
}

/// A part of the word that is a token, linked to its neighbours by index. Joining empties the right one.
struct Part {
  std::int32_t id;
  std::int32_t before, after;
};
constexpr std::int32_t kNone = -1;

/// A join that was possible when it was queued.
struct Join {
  std::int32_t rank, place, id;
  bool operator>(const Join& other) const { return std::pair(rank, place) > std::pair(other.rank, other.place); }
};

}  // namespace

std::array<std::string, 256> byte_alphabet() {
  std::array<std::string, 256> alphabet;
  char32_t next = 256;
  for (char32_t byte = 0; byte < 256; ++byte) {
    const bool printable = (byte > 32 && byte < 127) || (byte > 160 && byte != 173);
    append_utf8(printable ? byte : next++, alphabet[byte]);
  }
  return alphabet;
}

Bpe::Bpe(const Vocabulary& vocabulary) {
  const auto alphabet = byte_alphabet();
  const auto id_or_unknown = [&](const std::string& token) {
    const auto found = vocabulary.ids.find(token);
    return found == vocabulary.ids.end() ? vocabulary.unknown : found->second;
  };
  for (std::size_t byte = 0; byte < 256; ++byte) {
    byte_ids_[byte] = id_or_unknown(alphabet[byte]);
    last_byte_ids_[byte] = id_or_unknown(alphabet[byte] + std::string(kEndOfWord));
  }
  const auto id_of = [&](const std::string& token) {
    const auto found = vocabulary.ids.find(token);
    check(found != vocabulary.ids.end(), ErrorCode::bad_file,
          "{}: a merge has the token '{}', which is not in the vocabulary", vocabulary.where, token);
    return found->second;
  };
  merges_.reserve(vocabulary.merges.size());
  for (const auto& [left, right] : vocabulary.merges) {
    const Merge merge{static_cast<std::int32_t>(merges_.size()), id_of(left + right)};
    const bool fresh = merges_.emplace(key_of(id_of(left), id_of(right)), merge).second;
    check(fresh, ErrorCode::bad_file, "{}: the merge '{} {}' is there twice", vocabulary.where, left, right);
  }
}

const Bpe::Merge* Bpe::find(std::int32_t left, std::int32_t right) const {
  const auto found = merges_.find(key_of(left, right));
  return found == merges_.end() ? nullptr : &found->second;
}

void Bpe::encode(std::string_view word, std::vector<std::int32_t>& ids) const {
  if (word.empty()) return;
  const auto n = static_cast<std::int32_t>(word.size());
  std::vector<Part> parts;
  for (std::int32_t i = 0; i < n; ++i) {
    const auto byte = static_cast<unsigned char>(word[static_cast<std::size_t>(i)]);
    parts.push_back({i + 1 < n ? byte_ids_[byte] : last_byte_ids_[byte], i - 1, i + 1 < n ? i + 1 : kNone});
  }
  const auto part = [&](std::int32_t i) -> Part& { return parts[static_cast<std::size_t>(i)]; };
  const auto merge_at = [&](std::int32_t left) {
    const std::int32_t right = left == kNone ? kNone : part(left).after;
    return right == kNone ? nullptr : find(part(left).id, part(right).id);
  };

  std::priority_queue<Join, std::vector<Join>, std::greater<>> joins;
  const auto consider = [&](std::int32_t left) {
    if (const Merge* merge = merge_at(left)) joins.push({merge->rank, left, merge->id});
  };
  for (std::int32_t i = 0; i + 1 < n; ++i) consider(i);
  while (!joins.empty()) {
    const Join join = joins.top();
    joins.pop();
    // Its parts may have been joined with others since.
    const Merge* merge = merge_at(join.place);
    if (!merge || merge->rank != join.rank) continue;
    Part& left = part(join.place);
    Part& right = part(left.after);
    left.id = join.id;
    left.after = right.after;
    right = {kNone, kNone, kNone};
    if (left.after != kNone) part(left.after).before = join.place;
    consider(left.before);
    consider(join.place);
  }
  for (std::int32_t i = 0; i != kNone; i = part(i).after) ids.push_back(part(i).id);
}

}  // namespace sumi
