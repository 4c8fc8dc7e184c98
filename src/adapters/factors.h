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
  /// Why they cannot be multiplied; empty where they can.
  std::string problem() const;

  SourcePtr left_source() const;  ///< (rows, rank); not of a whole matrix
  Matrix right() const;           ///< (rank, columns); not of a whole matrix
  Matrix product() const;         ///< (rows, columns)
  /// `right` as a source, which computes it when it is prepared.
  SourcePtr right_source() const;
};

/// scale * a b, for weights that are rounded to `type`.
DeltaPtr low_rank_delta(const Factors& factors, double scale, DType type);
/// scale * (the product of `first`) * (the product of `second`), element by element: LoHa (Hyeon-Woo et al. 2022).
DeltaPtr hadamard_delta(const Factors& first, const Factors& second, double scale, DType type);
/// scale * (outer kron inner): LoKr (Yeh et al. 2024).
DeltaPtr kronecker_delta(const Factors& outer, const Factors& inner, double scale);
/// scale * a whole matrix of differences.
DeltaPtr difference_delta(SourcePtr values, double scale);

}  // namespace sumi
