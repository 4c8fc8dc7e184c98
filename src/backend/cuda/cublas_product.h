#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "backend/cuda/cublas.h"
#include "backend/cuda/plan_file.h"

namespace sumi::cuda {

/// y = x w^T, plus a bias to each row, plus a residual, by cuBLASLt.
class CublasProduct {
 public:
  struct Shape {
    std::int64_t rows, in, out;  ///< x is (rows, in), w (out, in), y (rows, out)
    DType x, y;                  ///< w is of x's type, bias and residual of y's
    bool bias, residual;
    bool fp8 = false;  ///< x and w are numbers of e4m3, their rows multiples of steps (fp8.h)
  };
  struct Memory {
    const void *x, *w, *bias, *residual;
    void *y, *workspace;
    const float *x_steps = nullptr, *w_steps = nullptr;  ///< of fp8
  };

  /// What cuBLASLt makes of y for x: of the same type, or float32.
  static bool takes(DType x, DType y) { return y == x || y == DType::f32; }

  /// Plans it, without tensors. What `plans` knows to be fastest is settled. All three outlive it.
  CublasProduct(const Device& device, const CublasHandle& handle, PlanFile& plans, const Shape& shape);

  /// Whether cuBLASLt has a way.
  explicit operator bool() const { return !ways_.empty(); }
  std::size_t workspace_bytes() const;
  /// Queues it. The first time, tries every way that cuBLASLt proposes, unless the stream is being recorded or y is the
  /// residual. From any thread.
  void run(const Memory& memory) const;

 private:
  struct Way {
    cublasLtMatmulAlgo_t algo;
    std::size_t workspace_bytes;
  };

  void describe(const Shape& shape);
  void set_steps(const float* w, const float* x) const;
  std::optional<Way> known_way() const;
  std::vector<Way> proposed_ways(const Shape& shape) const;
  cublasStatus_t queue(const Way& way, const Memory& memory) const;
  void settle(const Memory& memory) const;

  const Device& device_;
  const CublasHandle& handle_;
  PlanFile& plans_;
  const std::string key_;
  CublasLayout w_, x_, y_;
  CublasDesc desc_;
  std::vector<Way> ways_;
  mutable std::mutex mutex_;         // the description holds bias and steps of one call
  mutable std::size_t settled_ = 0;  // of the ways
  mutable bool is_settled_;
};

}  // namespace sumi::cuda
