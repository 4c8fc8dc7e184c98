#include "ops/embedding.h"

#include "ops/dispatch.h"

namespace sumi {

std::string EmbeddingOp::Case::text() const {
  return fmt::format("{}x{} of {}x{} {}", batch, length, vocabulary, channels, name_of(y));
}

std::string SinusoidOp::Case::text() const { return fmt::format("{} -> {} {}", count, channels, name_of(y)); }

Tensor embedding(Context& ctx, const Tensor& ids, const Weight& tokens, const Vector& positions) {
  const Shape &s = ids.shape(), &w = tokens.shape();
  check(s.rank() == 2 && ids.dtype() == DType::i32 && w.rank() == 2 && w[1] > 0 && positions.size() >= s[1] * w[1] &&
            positions.size() % w[1] == 0,
        ErrorCode::internal, "embedding: ids {}, table {}, {} position values", s.text(), w.text(), positions.size());
  Tensor y = ctx.tensor({s[0], s[1], w[1]});
  dispatch<EmbeddingOp>(
      ctx, {.batch = s[0], .length = s[1], .vocabulary = w[0], .channels = w[1], .y = y.dtype()},
      {.ids = ids, .positions = positions.on(ctx.backend).reshape({positions.size() / w[1], w[1]}), .y = y}, &tokens);
  return y;
}

Tensor sinusoid(Context& ctx, const Tensor& x, std::int64_t channels, const SinusoidOptions& options) {
  check(x.shape().rank() == 1 && x.dtype() == DType::f32 && channels > 0 && channels % 2 == 0, ErrorCode::internal,
        "sinusoid: input {} {}, {} channels", x.shape().text(), name_of(x.dtype()), channels);
  Tensor y = ctx.tensor({x.size(0), channels});
  dispatch<SinusoidOp>(ctx,
                       {.count = x.size(0),
                        .channels = channels,
                        .shift = options.shift,
                        .cosine_first = options.cosine_first,
                        .y = y.dtype()},
                       {.x = x, .y = y});
  return y;
}

}  // namespace sumi
