#pragma once

#include <cstddef>

// Copies from global to shared memory that run beside computing, as cp.async does them: each thread has its own, in
// groups. They are done as late as may be, when they are waited for, and until then the place has all bits set.

namespace cuda_on_host {

/// 4, 8 or 16 bytes, both addresses aligned to them; zeros where not `valid`.
void queue_copy(void* shared, const void* global, std::size_t bytes, bool valid = true);
void end_copy_group();
/// Waits for all but the last `newest` ended groups.
void wait_for_copy_groups(int newest);

}  // namespace cuda_on_host
