#pragma once

#include "adapters/change.h"
#include "adapters/matrix.h"

namespace sumi {

/// A matrix as adapters' files hold it: whole (`a` alone), or as the product of `a` (rows, rank) and `b` (rank,
/// columns). With a `core` (i, j, taps...) between them, `b` is (j, inputs) and the product's second factor is
///   b'[i, c * taps + t] = sum over j of core[i, j, t] * b[j, c]   (a Tucker decomposition, CP where LoCon has it).
struct Factors {
  SourcePtr a, b, core;
  bool a_transposed = false;  ///< `a` lies as (rank, rows)

  std::int64_t rows() const;
  std::int64_t columns() const;
  std::int64_t rank() const;  ///< 0 of a whole matrix
  /// "is AxB, expected ..." unless the shapes fit; empty where they do.
  std::string problem() const;

  /// The two factors, or the matrix and an empty one.
  Matrix left() const;
  Matrix right() const;
  Matrix product() const;
};

/// W + scale * a b.
DeltaPtr low_rank_delta(const Factors& factors, double scale);
/// W + scale * (the product of `first`) * (the product of `second`), element by element: LoHa (Hyeon-Woo et al. 2022).
DeltaPtr hadamard_delta(const Factors& first, const Factors& second, double scale);
/// W + scale * (outer kron inner): LoKr (Yeh et al. 2024).
DeltaPtr kronecker_delta(const Factors& outer, const Factors& inner, double scale);
/// W + values.
DeltaPtr difference_delta(SourcePtr values);

}  // namespace sumi
