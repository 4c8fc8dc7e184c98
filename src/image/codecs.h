#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "sumi/image.h"

namespace sumi {

/// One function each way for every format. What is decoded is upright and has colours; errors do not name the file.
using Bytes = std::vector<std::byte>;

Bytes encode_png(const Image& image);
Bytes encode_jpeg(const Image& image, const ImageOptions& options);
Bytes encode_webp(const Image& image, const ImageOptions& options);

Image decode_png(std::span<const std::byte> file);
Image decode_jpeg(std::span<const std::byte> file);
Image decode_webp(std::span<const std::byte> file);

/// The key under which the field's programs keep how a picture was made.
constexpr std::string_view kParametersKey = "parameters";

/// The value of `kParametersKey`, empty if there is none.
std::string_view parameters_text(const Image& image);

}  // namespace sumi
