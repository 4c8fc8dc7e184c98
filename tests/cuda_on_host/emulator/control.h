#pragma once

#include <cstddef>
#include <string>

// CUDA emulated on the processor, to prove what a compiler cannot: indexes, synchronisation, the order of streams, what
// a graph captures, and that the host's code leaves the device's memory alone.
//
// - Queued work waits until a call synchronises with it (a stream or event, a copy to pageable memory); a query of a
//   stream or an event runs one item. Streams wait for each other by events alone, the default stream too. With
//   CUDA_LAUNCH_BLOCKING=1, CUDA's own variable, it runs at once, so that a debugger shows who queued it. Other streams
//   than the one that is waited for do no more than they must, or, with CUDA_ON_HOST_STREAMS=newest, all they may.
//   Branches of a graph the same.
// - Device memory can be accessed while queued work runs, and faults else. It begins as NaN, so does shared memory of
//   `dynamic_shared`. Around allocations are red zones, looked at after every kernel and copy, and pages that fault.
//   Freed memory faults. With the address sanitizer, red zones fault at once, for reads too.
// - Blocks run one after another; a block's threads one after another, each until it waits for others. The order
//   alternates with the launches; CUDA_ON_HOST_ORDER=ascending or =descending fixes it.
// - Not seen: what `__shared__` variables begin as, for they have what the last block left; static and dynamic shared
//   memory that are too much together; registers; threads that wait for another block, or for each other in a loop.
// - A problem is printed, and returned once as an error by the next call that synchronises; cudaGetErrorString tells
// it.

namespace cuda_on_host {

/// What was written outside of allocations since they were made; empty if nothing was.
std::string check_red_zones();

/// Lets an allocation of device or pinned memory fail with cudaErrorMemoryAllocation: the next, or the one after so
/// many.
void fail_allocation(int after = 0);

/// Device memory in all. 8 GiB at first, or CUDA_ON_HOST_MEMORY bytes.
void set_memory_limit(std::size_t bytes);

/// Allocations of device and pinned memory that are not freed yet.
std::size_t live_allocations();

/// Work that waits in queues.
std::size_t queued_items();

/// Kernels that ran.
std::size_t kernels_run();

}  // namespace cuda_on_host
