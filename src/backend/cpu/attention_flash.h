#pragma once

#include <cstddef>

namespace sumi {

// What the flash attention of every instruction set offers. Files of one instruction set include nothing else, so that
// no function the program shares is compiled for a processor that it may not run on.

/// The queries of one head that share every pass over its keys: see attention_flash_kernel.h.
struct FlashTask {
  const void *q, *k, *v;  ///< the first query of the task, the first key and value of its head
  void* y;                ///< the first query's row of its head
  std::ptrdiff_t q_stride, k_stride, v_stride, y_stride;  ///< elements from one token to the next
  std::ptrdiff_t head_dim, queries, keys;
  std::ptrdiff_t first_query;  ///< its number in the sequence, for the causal mask
  bool causal;
  float scale;
};

/// Flash attention of one instruction set for one storage type.
struct FlashKernel {
  /// Queries whose state fits the registers; a task has up to `most` panels of them.
  std::ptrdiff_t panel;
  std::ptrdiff_t (*most_panels)(std::ptrdiff_t head_dim);
  /// For a task of so many panels.
  std::size_t (*scratch_bytes)(std::ptrdiff_t head_dim, std::ptrdiff_t panels);
  /// scratch is aligned to a cache line.
  void (*run)(const FlashTask& task, std::byte* scratch);
};

namespace avx2 {
extern const FlashKernel flash_f32, flash_bf16;
}
namespace avx512 {
extern const FlashKernel flash_f32, flash_bf16, flash_bf16_pairs;
}
namespace avx512bf16 {
extern const FlashKernel flash_bf16_pairs;
}
namespace neon {
extern const FlashKernel flash_f32, flash_bf16;
}

}  // namespace sumi
