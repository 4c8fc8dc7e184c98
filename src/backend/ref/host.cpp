#include "backend/ref/host.h"

#include <algorithm>
#include <cstring>
#include <sys/mman.h>

namespace sumi {

Buffer HostBackend::allocate(std::size_t bytes) {
  // Below the 2 MiB of a huge page there is nothing to gain from one.
  constexpr std::size_t huge_page = std::size_t{2} << 20;
  const std::size_t size = std::max<std::size_t>(bytes, 1);
  void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  check(memory != MAP_FAILED, ErrorCode::out_of_memory,
        "{}: the system has no {} bytes; use a smaller picture or batch", name_, bytes);
  if (size >= huge_page) madvise(memory, size, MADV_HUGEPAGE);
  return {static_cast<std::byte*>(memory), [size](std::byte* data) { munmap(data, size); }};
}

void HostBackend::upload(std::span<const std::byte> from, std::byte* to) {
  if (!from.empty()) std::memcpy(to, from.data(), from.size());
}

void HostBackend::download(const std::byte* from, std::span<std::byte> to) {
  if (!to.empty()) std::memcpy(to.data(), from, to.size());
}

std::unique_ptr<Backend> make_ref_backend() {
  auto backend = std::make_unique<HostBackend>("ref", DType::f32);
  add_ref(backend->operations());
  return backend;
}

}  // namespace sumi
