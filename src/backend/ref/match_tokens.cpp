#include "backend/ref/match_tokens.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>

#include "backend/ref/plain.h"
#include "core/threads.h"

namespace sumi::ref {
namespace {

double inverse_norm(std::span<const float> x) {
  double squares = 0;
  for (const float value : x) squares += static_cast<double>(value) * value;
  return squares > 0 ? 1 / std::sqrt(squares) : 0;
}

/// Tokens of one picture, in the order of `tokens`, with the inverse of each one's norm.
struct Rows {
  std::vector<float> values;
  std::vector<double> inverse;

  Rows(const MatchTokensOp::Case& c, const Tensor& x, std::int64_t n, std::span<const std::int32_t> tokens)
      : values(tokens.size() * static_cast<std::size_t>(c.channels)) {
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      const std::span<float> row(values.data() + i * static_cast<std::size_t>(c.channels),
                                 static_cast<std::size_t>(c.channels));
      load(x, (n * c.tokens + tokens[i]) * c.channels, row);
      inverse.push_back(inverse_norm(row));
    }
  }
};

/// Matches of the sources [first, first + count), at most `block` of them.
void match(const MatchTokensOp::Case& c, const Rows& sources, const Rows& destinations, std::int64_t first,
           std::int64_t count, TokenMatch* matches) {
  std::vector<double> columns(static_cast<std::size_t>(c.channels * block));
  for (std::int64_t p = 0; p < count; ++p) {
    for (std::int64_t i = 0; i < c.channels; ++i) {
      columns[static_cast<std::size_t>(i * block + p)] =
          sources.values[static_cast<std::size_t>((first + p) * c.channels + i)];
    }
    matches[first + p] = {-std::numeric_limits<double>::infinity(), 0};
  }
  std::array<double, block> dots;
  for (std::int64_t d = 0; d < c.destinations; ++d) {
    multiply(destinations.values.data() + d * c.channels, columns.data(), c.channels, dots.data());
    for (std::int64_t p = 0; p < count; ++p) {
      const double cosine = dots[static_cast<std::size_t>(p)] * destinations.inverse[static_cast<std::size_t>(d)] *
                            sources.inverse[static_cast<std::size_t>(first + p)];
      TokenMatch& best = matches[first + p];
      if (cosine > best.cosine) best = {cosine, static_cast<std::int32_t>(d)};
    }
  }
}

}  // namespace

std::vector<std::int32_t> source_tokens(const MatchTokensOp::Case& c, const MatchTokensOp::Args& args) {
  const auto* next = args.destinations.data<std::int32_t>();
  const auto* end = next + c.destinations;
  std::vector<std::int32_t> sources;
  for (std::int32_t token = 0; token < c.tokens; ++token) {
    if (next != end && *next == token) {
      ++next;
    } else {
      sources.push_back(token);
    }
  }
  return sources;
}

void place_tokens(const MatchTokensOp::Case& c, const MatchTokensOp::Args& args, std::span<const TokenMatch> matches,
                  std::int32_t* place) {
  std::vector<std::size_t> order(matches.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto rank = [&](std::size_t i) {
    return std::isnan(matches[i].cosine) ? -std::numeric_limits<double>::infinity() : matches[i].cosine;
  };
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return rank(a) > rank(b); });
  std::vector<bool> merges(matches.size());
  for (std::int64_t i = 0; i < c.merged; ++i) merges[order[static_cast<std::size_t>(i)]] = true;

  const auto* destinations = args.destinations.data<std::int32_t>();
  const auto staying = static_cast<std::int32_t>(c.sources() - c.merged);
  for (std::int32_t d = 0; d < c.destinations; ++d) place[destinations[d]] = staying + d;
  const auto sources = source_tokens(c, args);
  std::int32_t row = 0;
  for (std::size_t i = 0; i < sources.size(); ++i) {
    place[sources[i]] = merges[i] ? staying + matches[i].destination : row++;
  }
}

void run(const MatchTokensOp::Case& c, const MatchTokensOp::Args& args) {
  const auto tokens = source_tokens(c, args);
  const std::span<const std::int32_t> at(args.destinations.data<std::int32_t>(),
                                         static_cast<std::size_t>(c.destinations));
  std::vector<TokenMatch> matches(tokens.size());
  for (std::int64_t n = 0; n < c.batch; ++n) {
    const Rows sources(c, args.x, n, tokens), destinations(c, args.x, n, at);
    parallel_for(c.sources(), block, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t first = begin; first < end; first += block) {
        match(c, sources, destinations, first, std::min(block, end - first), matches.data());
      }
    });
    place_tokens(c, args, matches, args.y.data<std::int32_t>() + n * c.tokens);
  }
}

}  // namespace sumi::ref
