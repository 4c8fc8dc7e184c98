#include "backend/cuda/kernels.h"
#include "backend/cuda/loops.cuh"
#include "backend/cuda/words.cuh"

namespace sumi::cuda {
namespace {

struct Extent {
  unsigned height, width;
};

/// A thread a word of y: the pixels of x that several threads read come from the cache.
template <class Word>
__global__ void upsample(const Word* __restrict__ x, Word* __restrict__ y, Extent from, Extent to, std::int64_t pixels,
                         std::int64_t words) {
  for_each_of_rows(pixels, words, [&](unsigned pixel, unsigned word) {
    const unsigned line = pixel / to.width, column = pixel - line * to.width;
    const unsigned n = line / to.height, row = line - n * to.height;
    const unsigned i = row * from.height / to.height, j = column * from.width / to.width;
    const std::int64_t source = (static_cast<std::int64_t>(n) * from.height + i) * from.width + j;
    y[pixel * words + word] = x[source * words + word];
  });
}

Extent extent(std::int64_t height, std::int64_t width) {
  check(height < 65536 && width < 65536, ErrorCode::unsupported, "cuda: upsample of {}x{}", height, width);
  return {static_cast<unsigned>(height), static_cast<unsigned>(width)};
}

}  // namespace

void run(const Device& device, const UpsampleOp::Case& c, const UpsampleOp::Args& args) {
  const auto channel_bytes = c.channels * static_cast<std::int64_t>(bytes_of(c.x));
  const Extent from = extent(c.height, c.width), to = extent(c.out_height, c.out_width);
  const std::int64_t pixels = c.batch * c.out_height * c.out_width;
  with_word(
      [&]<int bytes>(std::integral_constant<int, bytes>) {
        const RowGrid grid(pixels, channel_bytes / bytes);
        launch(upsample<Word<bytes>>, grid.grid, grid.block, 0, device.stream(), elements<Word<bytes>>(args.x),
               elements<Word<bytes>>(args.y), from, to, pixels, channel_bytes / bytes);
      },
      channel_bytes, address(args.x), address(args.y));
}

}  // namespace sumi::cuda
