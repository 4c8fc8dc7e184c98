#include <memory>

#include <webp/decode.h>
#include <webp/encode.h>
#include <webp/mux.h>

#include "core/check.h"
#include "image/codecs.h"
#include "image/exif.h"
#include "image/pixels.h"

namespace sumi {
namespace {

constexpr char kExifChunk[] = "EXIF";

struct FreeMux {
  void operator()(WebPMux* mux) const { WebPMuxDelete(mux); }
};
using MuxPtr = std::unique_ptr<WebPMux, FreeMux>;

struct FreeData {
  void operator()(void* data) const { WebPFree(data); }
};

WebPData data_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()};
}

Bytes with_exif(std::span<const std::byte> file, const std::string& exif) {
  const WebPData whole = data_of(file), chunk = data_of(std::as_bytes(std::span(exif)));
  const MuxPtr mux(WebPMuxCreate(&whole, 0));
  WebPData assembled{};
  const bool good = mux && WebPMuxSetChunk(mux.get(), kExifChunk, &chunk, 0) == WEBP_MUX_OK &&
                    WebPMuxAssemble(mux.get(), &assembled) == WEBP_MUX_OK;
  const std::unique_ptr<void, FreeData> owner(const_cast<std::uint8_t*>(assembled.bytes));
  check(good, ErrorCode::out_of_memory, "webp: no memory for the settings");
  const auto bytes = std::as_bytes(std::span(assembled.bytes, assembled.size));
  return {bytes.begin(), bytes.end()};
}

Exif exif_of(std::span<const std::byte> file) {
  const WebPData whole = data_of(file);
  const MuxPtr mux(WebPMuxCreate(&whole, 0));
  WebPData chunk{};
  if (!mux || WebPMuxGetChunk(mux.get(), kExifChunk, &chunk) != WEBP_MUX_OK) return {};
  return parse_exif(std::as_bytes(std::span(chunk.bytes, chunk.size)));
}

}  // namespace

Bytes encode_webp(const Image& image, const ImageOptions& options) {
  check(image.width <= WEBP_MAX_DIMENSION && image.height <= WEBP_MAX_DIMENSION, ErrorCode::usage,
        "a WebP has at most {} pixels a side, the picture has {} x {}", WEBP_MAX_DIMENSION, image.width, image.height);
  std::uint8_t* out = nullptr;
  const int stride = 3 * image.width;
  const std::size_t size = options.lossless
                               ? WebPEncodeLosslessRGB(image.rgb.data(), image.width, image.height, stride, &out)
                               : WebPEncodeRGB(image.rgb.data(), image.width, image.height, stride,
                                               static_cast<float>(options.quality), &out);
  const std::unique_ptr<void, FreeData> owner(out);
  // Size and stride are right, and what libwebp writes to is memory: only that can be missing.
  check(size > 0, ErrorCode::out_of_memory, "webp: no memory for {} x {} pixels", image.width, image.height);
  const auto bytes = std::as_bytes(std::span(out, size));
  const auto parameters = parameters_text(image);
  if (parameters.empty()) return {bytes.begin(), bytes.end()};
  return with_exif(bytes, exif_with_comment(parameters));
}

Image decode_webp(std::span<const std::byte> file) {
  const auto* data = reinterpret_cast<const std::uint8_t*>(file.data());
  WebPBitstreamFeatures features{};
  check(WebPGetFeatures(data, file.size(), &features) == VP8_STATUS_OK, ErrorCode::bad_file,
        "damaged WebP: its header cannot be read");
  check(!features.has_animation, ErrorCode::unsupported, "an animated WebP: give a single picture");
  check_size(static_cast<std::uint64_t>(features.width), static_cast<std::uint64_t>(features.height));

  Image image{.width = features.width, .height = features.height, .rgb = {}, .text = {}};
  const int channels = features.has_alpha ? 4 : 3, stride = channels * image.width;
  image.rgb.resize(static_cast<std::size_t>(stride) * static_cast<std::size_t>(image.height));
  const auto decode = features.has_alpha ? WebPDecodeRGBAInto : WebPDecodeRGBInto;
  check(decode(data, file.size(), image.rgb.data(), image.rgb.size(), stride) != nullptr, ErrorCode::bad_file,
        "damaged WebP: its data ends too early or makes no sense");
  if (features.has_alpha) flatten_over_white(image.rgb);
  const Exif exif = exif_of(file);
  if (exif.user_comment) image.text.emplace_back(kParametersKey, *exif.user_comment);
  return upright(std::move(image), exif.orientation);
}

}  // namespace sumi
