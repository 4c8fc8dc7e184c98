#pragma once

#include <numbers>

#include "backend/cuda/values.cuh"
#include "ops/attention.h"

namespace sumi::cuda {

/// Attention as kernels see it. Strides are elements from one token to the next.
template <class T>
struct Heads {
  const T *q, *k, *v;  ///< the first token's
  T* y;
  int q_stride, k_stride, v_stride;
  int queries, keys;
  int count, head_dim;
  float scale;  ///< times log2 e: weights are powers of 2
  bool causal;

  Heads(const AttentionOp::Case& c, const AttentionOp::Args& args)
      : q(elements<const T>(args.q)),
        k(elements<const T>(args.k)),
        v(elements<const T>(args.v)),
        y(elements<T>(args.y)),
        q_stride(static_cast<int>(c.q_stride)),
        k_stride(static_cast<int>(c.k_stride)),
        v_stride(static_cast<int>(c.v_stride)),
        queries(static_cast<int>(c.queries)),
        keys(static_cast<int>(c.keys)),
        count(static_cast<int>(c.heads)),
        head_dim(static_cast<int>(c.head_dim)),
        scale(args.scale * std::numbers::log2e_v<float>),
        causal(c.causal) {}
};

}  // namespace sumi::cuda
