#include <cstring>

#include "backend/cuda/launch.h"
#include "backend/cuda/upload_values.h"

namespace sumi::cuda {
namespace {

constexpr std::size_t words = most_parameter_bytes / 4;

struct Values {
  unsigned word[words];
};

__global__ void write(unsigned* to, unsigned count, const Values values) {
  for (unsigned i = threadIdx.x; i < count; i += blockDim.x) to[i] = values.word[i];
}

}  // namespace

void upload_values(const Device& device, std::span<const std::byte> from, std::byte* to) {
  Values values;
  std::memcpy(values.word, from.data(), from.size());
  launch(write, 1, 256, 0, device.stream(), reinterpret_cast<unsigned*>(to), static_cast<unsigned>(from.size() / 4),
         values);
}

}  // namespace sumi::cuda
