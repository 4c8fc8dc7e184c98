#include "models/autoencoder.h"

#include <array>
#include <utility>

#include "ops/elementwise.h"

namespace sumi {
namespace {

/// Tiny autoencoders do not say what they were trained on.
constexpr std::int64_t kSampleSize = 512;

Plane on_host(Context& ctx, const Tensor& x) { return {x.size(1), x.size(2), x.size(3), ctx.download(x)}; }

/// `through` for the whole, or tile by tile.
template <class Through>
Plane run(Context& ctx, const Tensor& input, const Tiling& tiling, bool tiled, const Through& through) {
  if (!tiled || !tiling.cuts(input.size(1), input.size(2))) return on_host(ctx, through(input));
  return in_tiles(on_host(ctx, input), tiling, [&](const Plane& tile) {
    return on_host(ctx, through(ctx.upload(tile.values, {1, tile.height, tile.width, tile.channels})));
  });
}

/// Activations of another type for a while.
class InType {
 public:
  InType(Context& ctx, DType type) : ctx_(ctx), before_(std::exchange(ctx.type, type)) {}
  InType(const InType&) = delete;
  InType& operator=(const InType&) = delete;
  ~InType() { ctx_.type = before_; }

 private:
  Context& ctx_;
  DType before_;
};

}  // namespace

Autoencoder::Autoencoder(Vae vae)
    : model_(std::move(vae)),
      latent_channels_(std::get<Vae>(model_).config().latent_channels),
      reduction_(std::get<Vae>(model_).config().reduction()),
      scale_(std::get<Vae>(model_).config().scaling_factor),
      shift_(std::get<Vae>(model_).config().shift_factor),
      decoding_(Tiling::of_decoding(std::get<Vae>(model_).config().sample_size, reduction_)),
      encoding_(Tiling::of_encoding(std::get<Vae>(model_).config().sample_size, reduction_)) {}

Autoencoder::Autoencoder(Taesd taesd)
    : model_(std::move(taesd)),
      latent_channels_(std::get<Taesd>(model_).config().latent_channels),
      reduction_(std::get<Taesd>(model_).config().reduction()),
      scale_(std::get<Taesd>(model_).config().scaling_factor),
      shift_(std::get<Taesd>(model_).config().shift_factor),
      decoding_(Tiling::of_decoding(kSampleSize, reduction_)),
      encoding_(Tiling::of_encoding(kSampleSize, reduction_)) {}

Tensor Autoencoder::run_decoder(Context& ctx, const Tensor& latents) const {
  const InType scope(ctx, type(ctx));
  return std::visit([&](const auto& model) { return model.decode(ctx, latents); }, model_);
}

Tensor Autoencoder::run_encoder(Context& ctx, const Tensor& picture) const {
  const InType scope(ctx, type(ctx));
  return std::visit([&](const auto& model) { return model.encode(ctx, picture); }, model_);
}

DType Autoencoder::type(const Context& ctx) const {
  const Vae* vae = std::get_if<Vae>(&model_);
  return ctx.type == DType::f16 && vae && vae->config().force_upcast ? ctx.backend.wide_type() : ctx.type;
}

std::vector<float> Autoencoder::decode(Context& ctx, const Tensor& latents, bool tiled) const {
  Tensor unscaled = combine(ctx, std::array{Term{1 / scale_, latents}});
  if (shift_ != 0) {
    const std::vector<float> ones(static_cast<std::size_t>(latents.elements()), 1.0f);
    unscaled = combine(ctx, std::array{Term{1, unscaled}, Term{shift_, ctx.upload(ones, latents.shape())}});
  }
  return run(ctx, unscaled, decoding_, tiled, [&](const Tensor& x) { return run_decoder(ctx, x); }).values;
}

Vae::Gaussian Autoencoder::encode(Context& ctx, const Tensor& picture, bool tiled) const {
  const Plane encoded = run(ctx, picture, encoding_, tiled, [&](const Tensor& x) { return run_encoder(ctx, x); });
  if (std::holds_alternative<Taesd>(model_)) return {encoded.values, {}};
  const Shape shape{1, encoded.height, encoded.width, encoded.channels};
  return std::get<Vae>(model_).gaussian(ctx, ctx.upload(encoded.values, shape));
}

}  // namespace sumi
