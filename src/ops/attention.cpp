#include "ops/attention.h"

#include <cmath>

#include "ops/dispatch.h"

namespace sumi {

std::string AttentionOp::Case::text() const {
  return fmt::format("{}x{} heads of {}, {} queries, {} keys{} {}", batch, heads, head_dim, queries, keys,
                     causal ? ", causal" : "", name_of(x));
}

Tensor attention(Context& ctx, const Tensor& q, const Tensor& k, const Tensor& v, std::int64_t heads,
                 const AttentionOptions& options) {
  const Shape &a = q.shape(), &b = k.shape();
  check(a.rank() == 3 && b.rank() == 3 && b == v.shape() && a[0] == b[0] && a[2] == b[2], ErrorCode::internal,
        "attention: queries {}, keys {}, values {}", a.text(), b.text(), v.shape().text());
  check(heads > 0 && a[2] % heads == 0, ErrorCode::internal, "attention: {} channels in {} heads", a[2], heads);
  check(q.dtype() == k.dtype() && k.dtype() == v.dtype(), ErrorCode::internal, "attention: q {}, k {}, v {}",
        name_of(q.dtype()), name_of(k.dtype()), name_of(v.dtype()));
  check(!options.causal || a[1] == b[1], ErrorCode::internal, "attention: causal with {} queries and {} keys", a[1],
        b[1]);
  const std::int64_t head_dim = a[2] / heads;
  const float scale = options.scale.value_or(1.0f / std::sqrt(static_cast<float>(head_dim)));
  check(scale > 0, ErrorCode::internal, "attention: scale {}", scale);
  Tensor y = ctx.tensor(a, q.dtype());
  dispatch<AttentionOp>(ctx,
                        {.batch = a[0],
                         .heads = heads,
                         .head_dim = head_dim,
                         .queries = a[1],
                         .keys = b[1],
                         .q_stride = q.row_stride(),
                         .k_stride = k.row_stride(),
                         .v_stride = v.row_stride(),
                         .causal = options.causal,
                         .x = q.dtype()},
                        {.q = q, .k = k, .v = v, .scale = scale, .y = y});
  return y;
}

}  // namespace sumi
