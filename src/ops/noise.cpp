#include "ops/noise.h"

#include "ops/dispatch.h"

namespace sumi {

std::string NoiseOp::Case::text() const { return fmt::format("{}x{}", pixels, channels); }

Tensor draw_noise(Context& ctx, std::span<const PhiloxDraw> draws, const Shape& shape) {
  check(shape.rank() == 4 && shape[0] == static_cast<std::int64_t>(draws.size()), ErrorCode::internal,
        "noise: {} draws for {}", draws.size(), shape.text());
  const Tensor y = ctx.tensor(shape, DType::f32);
  for (std::int64_t i = 0; i < shape[0]; ++i) {
    dispatch<NoiseOp>(ctx, {.pixels = shape[1] * shape[2], .channels = shape[3]},
                      {.draw = draws[static_cast<std::size_t>(i)], .y = y.slice(i, i + 1)});
  }
  return y;
}

}  // namespace sumi
