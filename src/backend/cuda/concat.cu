#include "backend/cuda/kernels.h"
#include "backend/cuda/loops.cuh"
#include "backend/cuda/words.cuh"

namespace sumi::cuda {
namespace {

template <class Word>
__global__ void concat(const Word* __restrict__ a, const Word* __restrict__ b, Word* __restrict__ y, std::int64_t rows,
                       std::int64_t a_words, std::int64_t b_words) {
  const std::int64_t words = a_words + b_words;
  for_each_of_rows(rows, words, [&](unsigned row, unsigned word) {
    y[row * words + word] = word < a_words ? a[row * a_words + word] : b[row * b_words + word - a_words];
  });
}

}  // namespace

void run(const Device& device, const ConcatOp::Case& c, const ConcatOp::Args& args) {
  const auto size = static_cast<std::int64_t>(bytes_of(c.x));
  const std::int64_t a_bytes = c.a_channels * size, b_bytes = c.b_channels * size;
  with_word(
      [&]<int bytes>(std::integral_constant<int, bytes>) {
        const std::int64_t a_words = a_bytes / bytes, b_words = b_bytes / bytes;
        const RowGrid grid(c.rows, a_words + b_words);
        launch(concat<Word<bytes>>, grid.grid, grid.block, 0, device.stream(), elements<Word<bytes>>(args.a),
               elements<Word<bytes>>(args.b), elements<Word<bytes>>(args.y), c.rows, a_words, b_words);
      },
      a_bytes, b_bytes, address(args.a), address(args.b), address(args.y));
}

}  // namespace sumi::cuda
