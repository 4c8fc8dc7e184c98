#pragma once

#include <cstddef>

// What the address sanitizer has to be told of memory and stacks that it did not make.

#if defined(__SANITIZE_ADDRESS__)
#define CUDA_ON_HOST_ADDRESS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CUDA_ON_HOST_ADDRESS_SANITIZER 1
#endif
#endif

#ifdef CUDA_ON_HOST_ADDRESS_SANITIZER
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

namespace cuda_on_host {

#ifdef CUDA_ON_HOST_ADDRESS_SANITIZER
constexpr bool address_sanitizer = true;
inline void forbid_access(const void* memory, std::size_t bytes) { __asan_poison_memory_region(memory, bytes); }
inline void allow_access(const void* memory, std::size_t bytes) { __asan_unpoison_memory_region(memory, bytes); }
inline void leave_stack(void** left, const void* bottom, std::size_t bytes) {
  __sanitizer_start_switch_fiber(left, bottom, bytes);
}
inline void enter_stack(void* left, const void** last_bottom, std::size_t* last_bytes) {
  __sanitizer_finish_switch_fiber(left, last_bottom, last_bytes);
}
#else
constexpr bool address_sanitizer = false;
inline void forbid_access(const void*, std::size_t) {}
inline void allow_access(const void*, std::size_t) {}
inline void leave_stack(void**, const void*, std::size_t) {}
inline void enter_stack(void*, const void**, std::size_t*) {}
#endif

}  // namespace cuda_on_host
