#pragma once

#include "ops/context.h"

namespace sumi {

/// Scaled dot-product attention (Vaswani et al., 2017) on packed heads. For each batch n and head h, with q, k, v the
/// columns h * head_dim to (h + 1) * head_dim of a row:
///   y[n,i] = sum over j of softmax_j(q[n,i] . k[n,j] * scale) v[n,j];  causal: only j <= i.
struct AttentionOp {
  static constexpr std::string_view name = "attention";

  struct Case {
    std::int64_t batch, heads, head_dim, queries, keys;
    std::int64_t q_stride, k_stride, v_stride;  ///< elements from one token to the next
    bool causal = false;
    DType x = DType::f32;

    auto operator<=>(const Case&) const = default;
    double flops() const {
      return 4.0 * static_cast<double>(batch * heads * head_dim) * static_cast<double>(queries * keys);
    }
    std::string text() const;
  };
  struct Args {
    Tensor q;     ///< (batch, queries, heads * head_dim), rows q_stride apart
    Tensor k, v;  ///< (batch, keys, heads * head_dim), rows k_stride and v_stride apart
    float scale;  ///< positive, usually 1 / sqrt(head_dim)
    Tensor y;     ///< (batch, queries, heads * head_dim), contiguous
  };
};

struct AttentionOptions {
  bool causal = false;
  std::optional<float> scale = {};  ///< 1 / sqrt(head_dim) unless given
};

/// q, k and v may be `columns` of one wider tensor.
Tensor attention(Context& ctx, const Tensor& q, const Tensor& k, const Tensor& v, std::int64_t heads,
                 const AttentionOptions& options = {});

}  // namespace sumi
