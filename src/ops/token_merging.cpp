#include "ops/token_merging.h"

#include <algorithm>
#include <functional>

#include "ops/dispatch.h"

namespace sumi {
namespace {

void check_places(std::string_view op, const Tensor& tokens, const Tensor& place) {
  const Shape &s = tokens.shape(), &p = place.shape();
  check(s.rank() == 3 && p.rank() == 2 && p[0] == s[0] && p[1] == s[1] && place.dtype() == DType::i32 &&
            tokens.contiguous(),
        ErrorCode::internal, "{}: tokens {}, places {} {}", op, s.text(), p.text(), name_of(place.dtype()));
}

}  // namespace

std::string MatchTokensOp::Case::text() const {
  return fmt::format("{}x{}x{}, {} destinations, {} merged {}", batch, tokens, channels, destinations, merged,
                     name_of(x));
}

std::string MergeTokensOp::Case::text() const {
  return fmt::format("{}x({} <-> {})x{} {}", batch, tokens, length, channels, name_of(x));
}

Tensor match_tokens(Context& ctx, const Tensor& x, std::span<const std::int32_t> destinations, std::int64_t merged) {
  const Shape& s = x.shape();
  const auto count = static_cast<std::int64_t>(destinations.size());
  check(s.rank() == 3 && x.contiguous() && count > 0 && merged >= 0 && merged <= s[1] - count, ErrorCode::internal,
        "match_tokens: {} tokens merge in {} with {} destinations", merged, s.text(), count);
  const bool rising =
      std::is_sorted(destinations.begin(), destinations.end(), std::less_equal<>()) && destinations.front() >= 0;
  check(rising && destinations.back() < s[1], ErrorCode::internal, "match_tokens: destinations do not rise in 0..{}",
        s[1] - 1);
  Tensor y = ctx.tensor({s[0], s[1]}, DType::i32);
  dispatch<MatchTokensOp>(
      ctx, {.batch = s[0], .tokens = s[1], .channels = s[2], .destinations = count, .merged = merged, .x = x.dtype()},
      {.x = x, .destinations = ctx.upload(destinations, {count}), .y = y});
  return y;
}

Tensor merge_tokens(Context& ctx, const Tensor& x, const Tensor& place, std::int64_t length) {
  check_places("merge_tokens", x, place);
  const Shape& s = x.shape();
  Tensor y = ctx.tensor({s[0], length, s[2]}, x.dtype());
  dispatch<MergeTokensOp>(ctx, {.batch = s[0], .tokens = s[1], .length = length, .channels = s[2], .x = x.dtype()},
                          {.x = x, .place = place, .y = y});
  return y;
}

Tensor unmerge_tokens(Context& ctx, const Tensor& x, const Tensor& place, const Tensor& residual) {
  check_places("unmerge_tokens", residual, place);
  const Shape &s = residual.shape(), &m = x.shape();
  check(m.rank() == 3 && m[0] == s[0] && m[2] == s[2] && x.dtype() == residual.dtype() && x.contiguous(),
        ErrorCode::internal, "unmerge_tokens: {} {} to {} {}", m.text(), name_of(x.dtype()), s.text(),
        name_of(residual.dtype()));
  Tensor y = ctx.tensor(s, x.dtype());
  dispatch<UnmergeTokensOp>(ctx, {.batch = s[0], .tokens = s[1], .length = m[1], .channels = s[2], .x = x.dtype()},
                            {.x = x, .place = place, .residual = residual, .y = y});
  return y;
}

}  // namespace sumi
