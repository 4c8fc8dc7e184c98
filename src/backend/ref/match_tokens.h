#pragma once

#include <span>
#include <vector>

#include "ops/token_merging.h"

namespace sumi::ref {

/// What a source is most like.
struct TokenMatch {
  double cosine;
  std::int32_t destination;  ///< its number among the destinations
};

/// The tokens that are no destinations, rising.
std::vector<std::int32_t> source_tokens(const MatchTokensOp::Case& c, const MatchTokensOp::Args& args);
/// Decides who merges: the places of one picture's tokens, from the match of each source. Cosines that are no numbers
/// count as the least.
void place_tokens(const MatchTokensOp::Case& c, const MatchTokensOp::Args& args, std::span<const TokenMatch> matches,
                  std::int32_t* place);

}  // namespace sumi::ref
