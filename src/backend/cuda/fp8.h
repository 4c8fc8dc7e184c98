#pragma once

#include "backend/cuda/device.h"
#include "core/float.h"
#include "ops/linear.h"

namespace sumi::cuda {

// Linears whose factors are rounded to fp8 (`round_to`): each row of both as numbers of e4m3 and a step.

/// A matrix of such rows, in memory of the device.
struct Fp8Rows {
  const f8_e4m3* values;  ///< (rows, columns)
  const float* steps;     ///< (rows)
};

/// Bytes of one, and of these the ones before the steps.
std::size_t fp8_bytes(std::int64_t rows, std::int64_t columns);
std::size_t fp8_value_bytes(std::int64_t rows, std::int64_t columns);
Fp8Rows fp8_rows(const std::byte* memory, std::int64_t rows, std::int64_t columns);

/// A plan for the weight of a case, without scratch, and the weight in memory of the host.
Plan fp8_plan(const LinearOp::Case& c);
void pack_fp8(const LinearOp::Case& c, const Source& source, std::byte* to);

/// x of (rows, in), of f32, f16 or bf16, to `memory`.
void round_rows(const Device& device, const Tensor& x, std::byte* memory);

/// The case by plain products.
void run_fp8(const Device& device, const LinearOp::Case& c, const LinearOp::Args& args, const Fp8Rows& x);

void add_fp8(Operations& operations, const Device& device);

}  // namespace sumi::cuda
