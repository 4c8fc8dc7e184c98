#include "backend/cuda/attention_flash_kernel.cuh"
#include "backend/cuda/attention_flash_run.h"

namespace sumi::cuda {
namespace {

using flash::Cut;

template <class T, int head_dim, int tiles>
void queue(const Device& device, const Cut& cut, const AttentionOp::Case& c, const AttentionOp::Args& args) {
  const std::int64_t rows = flash::queries_of_block(cut);
  const dim3 grid(static_cast<unsigned>((c.queries + rows - 1) / rows), static_cast<unsigned>(c.heads),
                  static_cast<unsigned>(c.batch));
  launch(flash::attend<T, head_dim, tiles>, grid, flash::threads, flash::shared_bytes(cut), device.stream(),
         Heads<T>(c, args), cut.stages);
}

template <class T>
void queue(const Device& device, const Cut& cut, const AttentionOp::Case& c, const AttentionOp::Args& args) {
  const auto with = [&]<int head_dim>() {
    cut.tiles == 2 ? queue<T, head_dim, 2>(device, cut, c, args) : queue<T, head_dim, 1>(device, cut, c, args);
  };
  switch (cut.head_dim) {
    case 16: return queue<T, 16, 1>(device, cut, c, args);
    case 32: return queue<T, 32, 1>(device, cut, c, args);
    case 48: return with.template operator()<48>();
    case 64: return with.template operator()<64>();
    case 80: return with.template operator()<80>();
    case 96: return with.template operator()<96>();
    case 128: return with.template operator()<128>();
    default: return queue<T, 160, 1>(device, cut, c, args);
  }
}

}  // namespace

void run_flash(const Device& device, const Cut& cut, const AttentionOp::Case& c, const AttentionOp::Args& args) {
  c.x == DType::f16 ? queue<__half>(device, cut, c, args) : queue<__nv_bfloat16>(device, cut, c, args);
}

}  // namespace sumi::cuda
