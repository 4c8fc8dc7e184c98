#include "sumi/image.h"

#include <algorithm>
#include <cctype>
#include <new>

#include "core/atomic_file.h"
#include "core/check.h"
#include "core/file_map.h"
#include "image/codecs.h"
#include "image/encoding.h"

namespace sumi {
namespace {

using namespace std::string_view_literals;

/// Checked before a picture is encoded, so that a caller's mistake is not a strange file.
void check_image(const Image& image) {
  check(image.width > 0 && image.height > 0, ErrorCode::usage, "a picture of {} x {} pixels has nothing to write",
        image.width, image.height);
  const std::size_t bytes =
      std::size_t{3} * static_cast<std::size_t>(image.width) * static_cast<std::size_t>(image.height);
  check(image.rgb.size() == bytes, ErrorCode::internal, "write_image: {} x {} pixels take {} bytes, there are {}",
        image.width, image.height, bytes, image.rgb.size());
  for (const auto& [key, value] : image.text) {
    check(is_utf8(key) && is_utf8(value) && (key + value).find('\0') == std::string::npos, ErrorCode::usage,
          "the text '{}' of a picture must be UTF-8 without zero bytes", is_utf8(key) ? key : "?");
  }
}

Bytes encode(const std::filesystem::path& path, const Image& image, const ImageOptions& options) {
  std::string extension = path.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (extension == ".png") return encode_png(image);
  if (extension == ".jpg" || extension == ".jpeg") return encode_jpeg(image, options);
  if (extension == ".webp") return encode_webp(image, options);
  fail(ErrorCode::usage, "{}: a picture is written as .png, .jpg or .webp", path.string());
}

template <class Work>
auto without_bad_alloc(const Work& work) {
  try {
    return work();
  } catch (const std::bad_alloc&) {
    fail(ErrorCode::out_of_memory, "no memory for the picture");
  }
}

}  // namespace

std::string_view parameters_text(const Image& image) {
  const auto found = std::find_if(image.text.begin(), image.text.end(),
                                  [](const auto& entry) { return entry.first == kParametersKey; });
  return found == image.text.end() ? std::string_view{} : found->second;
}

void write_image(const std::filesystem::path& path, const Image& image, const ImageOptions& options) {
  check_image(image);
  check(options.quality >= 1 && options.quality <= 100, ErrorCode::usage, "quality {} is not in 1..100",
        options.quality);
  write_whole_file(path, without_bad_alloc([&] { return encode(path, image, options); }));
}

Image read_image(std::span<const std::byte> file) {
  const std::string_view text(reinterpret_cast<const char*>(file.data()), file.size());
  return without_bad_alloc([&] {
    if (text.starts_with("\x89PNG\r\n\x1a\n"sv)) return decode_png(file);
    if (text.starts_with("\xff\xd8\xff"sv)) return decode_jpeg(file);
    if (text.size() >= 12 && text.starts_with("RIFF"sv) && text.substr(8, 4) == "WEBP"sv) return decode_webp(file);
    fail(ErrorCode::bad_file, "not a PNG, JPEG or WebP picture");
  });
}

Image read_image(const std::filesystem::path& path) {
  const FileMap file(path);
  try {
    Image image = read_image(file.bytes());
    file.check();
    return image;
  } catch (const Error& error) {
    file.check();
    fail(error.code(), "{}: {}", path.string(), error.what());
  }
}

}  // namespace sumi
