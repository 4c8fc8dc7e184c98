#pragma once

#include "backend/cuda/attention_flash_cut.h"
#include "backend/cuda/device.h"
#include "ops/attention.h"

namespace sumi::cuda {

/// Queues a case that `cut` is for. Rows of q, k and v are aligned to 16 bytes.
void run_flash(const Device& device, const flash::Cut& cut, const AttentionOp::Case& c, const AttentionOp::Args& args);
/// The same in tiles of 32 or 64 keys, for head dims up to 512.
void run_flash_wide(const Device& device, int keys_of_tile, const AttentionOp::Case& c, const AttentionOp::Args& args);

}  // namespace sumi::cuda
