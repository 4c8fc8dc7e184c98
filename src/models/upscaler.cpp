#include "models/upscaler.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "models/config.h"
#include "ops/elementwise.h"
#include "ops/layout.h"

namespace sumi {
namespace {

constexpr std::int64_t kMostBlocks = 64;

bool is_first_esrgan(const Checkpoint& checkpoint) { return checkpoint.find("model.0.weight") != nullptr; }

/// A rectangle of the picture, in pixels.
struct Window {
  std::int64_t top, left, bottom, right;

  std::int64_t height() const { return bottom - top; }
  std::int64_t width() const { return right - left; }
};

/// The window as the network wants it: `folded` by `folded` pixels of one channel are neighbouring channels of one
/// pixel, row by row, and where the window does not fold its last pixels go on.
std::vector<float> fold(std::span<const float> picture, std::int64_t picture_width, const Window& window,
                        std::int64_t folded) {
  std::vector<float> out;
  for (std::int64_t y = window.top; y < window.bottom; y += folded)
    for (std::int64_t x = window.left; x < window.right; x += folded)
      for (std::int64_t c = 0; c < 3; ++c)
        for (std::int64_t v = y; v < y + folded; ++v)
          for (std::int64_t u = x; u < x + folded; ++u) {
            const std::int64_t row = std::min(v, window.bottom - 1), column = std::min(u, window.right - 1);
            out.push_back(picture[static_cast<std::size_t>((row * picture_width + column) * 3 + c)]);
          }
  return out;
}

/// Copies the window `from` of rows of `from_width` pixels to where it begins in rows of `to_width`.
void copy(std::span<const float> values, std::int64_t from_width, const Window& from, std::vector<float>& to,
          std::int64_t to_width, std::int64_t top, std::int64_t left) {
  for (std::int64_t y = 0; y < from.height(); ++y) {
    const auto begin = values.begin() + ((from.top + y) * from_width + from.left) * 3;
    std::copy_n(begin, from.width() * 3, to.begin() + ((top + y) * to_width + left) * 3);
  }
}

std::int64_t up_to_multiple(std::int64_t value, std::int64_t of) { return (value + of - 1) / of * of; }

}  // namespace

UpscalerConfig UpscalerConfig::infer(const Checkpoint& checkpoint) {
  const Names names = upscaler_names(checkpoint);
  const auto shape = [&](const char* name) {
    const SourcePtr found = checkpoint.find(names(name));
    check(found && found->shape().rank() == 4, ErrorCode::unsupported,
          "{}: no upscaler of the ESRGAN kind: it has no convolution '{}'", checkpoint.where(), names(name));
    return found->shape();
  };
  const Shape first = shape("conv_first.weight"), growth = shape("body.0.rdb1.conv1.weight");
  UpscalerConfig config{.channels = first[0], .growth = growth[0], .blocks = 0};
  while (config.blocks < kMostBlocks &&
         checkpoint.find(names(fmt::format("body.{}.rdb1.conv1.weight", config.blocks)))) {
    ++config.blocks;
  }
  for (config.folded = 1; config.folded < 4 && first[1] != 3 * config.folded * config.folded;) config.folded *= 2;
  check(first[1] == 3 * config.folded * config.folded && config.channels <= kMostChannels &&
            config.growth <= kMostChannels,
        ErrorCode::unsupported, "{}: an upscaler of {} input and {} inner channels, only 3, 12 and 48 are supported",
        checkpoint.where(), first[1], first[0]);
  return config;
}

Names upscaler_names(const Checkpoint& checkpoint) {
  if (!is_first_esrgan(checkpoint)) return [](std::string name) { return name; };
  std::int64_t blocks = 0;
  while (blocks < kMostBlocks && checkpoint.find(fmt::format("model.1.sub.{}.RDB1.conv1.0.weight", blocks))) ++blocks;
  return [blocks](std::string name) {
    const std::pair<std::string_view, std::string> outer[] = {
        {"conv_first.", "model.0."}, {"conv_body.", fmt::format("model.1.sub.{}.", blocks)},
        {"conv_up1.", "model.3."},   {"conv_up2.", "model.6."},
        {"conv_hr.", "model.8."},    {"conv_last.", "model.10."}};
    for (const auto& [ours, theirs] : outer) {
      if (name.starts_with(ours)) return theirs + name.substr(ours.size());
    }
    if (!name.starts_with("body.")) return name;
    name = "model.1.sub." + name.substr(5);
    const auto dense = name.find(".rdb");
    if (dense != std::string::npos) name.replace(dense, 4, ".RDB");
    const auto last = name.rfind('.');
    return last == std::string::npos ? name : name.substr(0, last) + ".0" + name.substr(last);
  };
}

Upscaler::DenseBlock::DenseBlock(const Loader& loader, const UpscalerConfig& config) {
  for (int i = 0; i < 5; ++i) {
    convolutions.emplace_back(loader.at("conv" + std::to_string(i + 1)), config.channels + i * config.growth,
                              i < 4 ? config.growth : config.channels);
  }
}

Tensor Upscaler::DenseBlock::operator()(Context& ctx, const Tensor& x) const {
  Tensor all = x;
  for (std::size_t i = 0; i + 1 < convolutions.size(); ++i) {
    const Tensor more = convolutions[i](ctx, all, {.activation = Activation::leaky_relu});
    all = concat(ctx, all, more);
  }
  const Tensor change = convolutions.back()(ctx, all);
  return combine(ctx, std::array{Term{1, x}, Term{0.2, change}}, {.into = change});
}

Upscaler::Block::Block(const Loader& loader, const UpscalerConfig& config) : name(layer_name(loader)) {
  for (const char* part : {"rdb1", "rdb2", "rdb3"}) dense.emplace_back(loader.at(part), config);
}

Tensor Upscaler::Block::operator()(Context& ctx, const Tensor& x) const {
  const Trace::Span span(ctx.trace, "layer", name);
  Tensor change = x;
  for (const DenseBlock& block : dense) change = block(ctx, change);
  return combine(ctx, std::array{Term{1, x}, Term{0.2, change}}, {.into = change});
}

Upscaler::Upscaler(const UpscalerConfig& config, const Loader& loader)
    : config_(config),
      first_(loader.at("conv_first"), 3 * config.folded * config.folded, config.channels),
      body_(loader.at("conv_body"), config.channels, config.channels),
      up1_(loader.at("conv_up1"), config.channels, config.channels),
      up2_(loader.at("conv_up2"), config.channels, config.channels),
      fine_(loader.at("conv_hr"), config.channels, config.channels),
      last_(loader.at("conv_last"), config.channels, 3) {
  for (int i = 0; i < config.blocks; ++i) blocks_.emplace_back(loader.at("body", i), config);
}

Tensor Upscaler::run(Context& ctx, const Tensor& x) const {
  const Conv2dOptions leaky{.activation = Activation::leaky_relu};
  const Conv2dOptions upsampled{.activation = Activation::leaky_relu, .upsampled = true};
  Tensor y = first_(ctx, cast(ctx, x, ctx.type));
  Tensor first = y;
  for (const Block& block : blocks_) y = block(ctx, y);
  y = body_(ctx, y, {.residual = first});
  first = {};
  y = up1_(ctx, y, upsampled);
  y = up2_(ctx, y, upsampled);
  y = fine_(ctx, y, leaky);
  return last_(ctx, y, {.type = DType::f32});
}

std::vector<float> Upscaler::operator()(Context& ctx, std::span<const float> picture, std::int64_t height,
                                        std::int64_t width, const Tiling& tiling) const {
  check(height > 0 && width > 0 && picture.size() == static_cast<std::size_t>(height * width * 3), ErrorCode::internal,
        "upscaler: {} values for {} x {} pixels", picture.size(), width, height);
  check(tiling.side >= 0 && tiling.overlap >= 0, ErrorCode::usage, "tiles of {} pixels that overlap by {}", tiling.side,
        tiling.overlap);
  // Tiles begin at whole folds, so that every tile folds the same pixels together.
  const std::int64_t fold_side = config_.folded, scale = config_.scale();
  const std::int64_t side = tiling.side ? up_to_multiple(tiling.side, fold_side) : std::max(height, width);
  const std::int64_t overlap = up_to_multiple(tiling.overlap, fold_side);
  std::vector<float> result(picture.size() * static_cast<std::size_t>(scale * scale));
  for (std::int64_t top = 0; top < height; top += side) {
    for (std::int64_t left = 0; left < width; left += side) {
      const Trace::Span span(ctx.trace, "layer", "tile");
      const Window inner{top, left, std::min(top + side, height), std::min(left + side, width)};
      const Window outer{std::max<std::int64_t>(top - overlap, 0), std::max<std::int64_t>(left - overlap, 0),
                         std::min(inner.bottom + overlap, height), std::min(inner.right + overlap, width)};
      const std::int64_t rows = up_to_multiple(outer.height(), fold_side) / fold_side;
      const std::int64_t columns = up_to_multiple(outer.width(), fold_side) / fold_side;
      const Tensor x =
          ctx.upload(fold(picture, width, outer, fold_side), {1, rows, columns, 3 * fold_side * fold_side});
      const Window part{(inner.top - outer.top) * scale, (inner.left - outer.left) * scale,
                        (inner.bottom - outer.top) * scale, (inner.right - outer.left) * scale};
      copy(ctx.download(run(ctx, x)), 4 * columns, part, result, width * scale, top * scale, left * scale);
    }
  }
  return result;
}

}  // namespace sumi
