#include "backend/cuda/staging.h"

#include <algorithm>
#include <cstring>

namespace sumi::cuda {
namespace {

// Larger downloads come in parts, so that copying them on takes turns with the device.
constexpr std::size_t download_part = std::size_t{4} << 20;

}  // namespace

void Staging::release() {
  for (Half& half : halves_) {
    half.copied.wait();
    half.memory.reset();
    half.capacity = 0;
  }
}

Staging::Half& Staging::next(std::size_t bytes) {
  Half& half = halves_[turn_++ % halves_.size()];
  half.copied.wait();
  if (half.capacity >= bytes) return half;
  half.memory.reset();
  half.capacity = 0;
  half.memory = allocate_pinned(bytes);
  half.capacity = bytes;
  return half;
}

void Staging::upload(std::byte* to, std::size_t bytes, const std::function<void(std::byte*)>& write) {
  if (bytes == 0) return;
  device_.use();
  Half& half = next(bytes);
  write(half.memory.get());
  check_cuda(cudaMemcpyAsync(to, half.memory.get(), bytes, cudaMemcpyHostToDevice, device_.stream()), "upload");
  half.copied.record(device_.stream());
}

void Staging::download(const std::byte* from, std::span<std::byte> to) {
  device_.use();
  const auto queue = [&](std::size_t begin) {
    const std::size_t bytes = std::min(download_part, to.size() - begin);
    Half& half = next(bytes);
    check_cuda(cudaMemcpyAsync(half.memory.get(), from + begin, bytes, cudaMemcpyDeviceToHost, device_.stream()),
               "download");
    half.copied.record(device_.stream());
    return &half;
  };
  const Half* ready = to.empty() ? nullptr : queue(0);
  for (std::size_t begin = 0; begin < to.size(); begin += download_part) {
    const Half* following = begin + download_part < to.size() ? queue(begin + download_part) : nullptr;
    ready->copied.wait();
    std::memcpy(to.data() + begin, ready->memory.get(), std::min(download_part, to.size() - begin));
    ready = following;
  }
}

}  // namespace sumi::cuda
