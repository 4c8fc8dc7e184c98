#include <cstring>

#include <png.h>

#include "core/check.h"
#include "image/codecs.h"
#include "image/encoding.h"
#include "image/exif.h"
#include "image/guarded.h"
#include "image/pixels.h"

namespace sumi {
namespace {

// A file of text chunks must not fill the memory.
constexpr png_uint_32 kMostTextChunks = 64;
constexpr png_alloc_size_t kMostChunkBytes = 4u << 20;
constexpr std::size_t kLongestKey = 79;  // PNG, 11.3.4.2

/// One of libpng's two kinds of state, with its error callback.
class Png {
 public:
  explicit Png(bool reading) : reading_(reading) {
    const auto on_error = [](png_structp png, png_const_charp why) {
      static_cast<Jump*>(png_get_error_ptr(png))->leave(why);
    };
    const auto on_warning = [](png_structp, png_const_charp) {};
    handle = reading ? png_create_read_struct(PNG_LIBPNG_VER_STRING, &jump, on_error, on_warning)
                     : png_create_write_struct(PNG_LIBPNG_VER_STRING, &jump, on_error, on_warning);
    if (handle) info = png_create_info_struct(handle);
    if (!info) release();
    check(info != nullptr, ErrorCode::out_of_memory, "png: no memory");
  }
  ~Png() { release(); }
  Png(const Png&) = delete;
  Png& operator=(const Png&) = delete;

  Jump jump;
  png_structp handle = nullptr;
  png_infop info = nullptr;

 private:
  void release() {
    if (reading_) {
      png_destroy_read_struct(&handle, &info, nullptr);
    } else {
      png_destroy_write_struct(&handle, &info);
    }
  }

  bool reading_;
};

/// Keys and values as libpng wants them, with the storage they point into.
class TextChunks {
 public:
  explicit TextChunks(const Image& image) {
    values_.reserve(image.text.size());
    for (const auto& [key, value] : image.text) {
      const auto plain_key = utf8_to_latin1(key);
      check(plain_key && !key.empty() && plain_key->size() <= kLongestKey, ErrorCode::usage,
            "png: a text key has 1 to {} Latin-1 characters, '{}' does not", kLongestKey, key);
      auto latin1 = utf8_to_latin1(value);
      const bool international = !latin1;
      values_.emplace_back(*plain_key, international ? value : std::move(*latin1));
      png_text chunk{};
      chunk.compression = international ? PNG_ITXT_COMPRESSION_NONE : PNG_TEXT_COMPRESSION_NONE;
      chunks_.push_back(chunk);
    }
    for (std::size_t i = 0; i < chunks_.size(); ++i) {
      chunks_[i].key = values_[i].first.data();
      chunks_[i].text = values_[i].second.data();
    }
  }
  const png_text* data() const { return chunks_.data(); }
  int size() const { return static_cast<int>(chunks_.size()); }

 private:
  std::vector<std::pair<std::string, std::string>> values_;
  std::vector<png_text> chunks_;
};

void write_callback(png_structp png, png_bytep data, png_size_t count) {
  if (!append(*static_cast<Bytes*>(png_get_io_ptr(png)), data, count)) png_error(png, "no memory");
}

void read_callback(png_structp png, png_bytep out, png_size_t count) {
  auto& rest = *static_cast<std::span<const std::byte>*>(png_get_io_ptr(png));
  if (count > rest.size()) png_error(png, "it ends too early");
  std::memcpy(out, rest.data(), count);
  rest = rest.subspan(count);
}

/// What is stored becomes 8-bit colours, with opacity where there is any.
void ask_for_colours(png_structp png) {
  png_set_expand(png);
  png_set_scale_16(png);
  png_set_gray_to_rgb(png);
}

std::vector<std::pair<std::string, std::string>> read_text(Png& png) {
  png_textp chunks = nullptr;
  int count = 0;
  png_get_text(png.handle, png.info, &chunks, &count);
  std::vector<std::pair<std::string, std::string>> text;
  for (int i = 0; i < count; ++i) {
    const std::string_view value = chunks[i].text ? chunks[i].text : "";
    const bool international = chunks[i].compression >= PNG_ITXT_COMPRESSION_NONE;
    text.emplace_back(latin1_to_utf8(chunks[i].key),
                      international && is_utf8(value) ? std::string(value) : latin1_to_utf8(value));
  }
  return text;
}

int read_orientation(Png& png) {
  png_uint_32 count = 0;
  png_bytep data = nullptr;
  if (!png_get_eXIf_1(png.handle, png.info, &count, &data)) return 1;
  return parse_exif(std::as_bytes(std::span(data, count))).orientation;
}

}  // namespace

Bytes encode_png(const Image& image) {
  const TextChunks text(image);
  Bytes out;
  Png png(false);
  const auto width = static_cast<png_uint_32>(image.width), height = static_cast<png_uint_32>(image.height);
  const bool good = guarded(png.jump, [&] {
    png_set_write_fn(png.handle, &out, write_callback, nullptr);
    png_set_IHDR(png.handle, png.info, width, height, 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_set_text(png.handle, png.info, text.data(), text.size());
    png_write_info(png.handle, png.info);
    const std::uint8_t* row = image.rgb.data();
    for (png_uint_32 y = 0; y < height; ++y, row += std::size_t{3} * width) png_write_row(png.handle, row);
    png_write_end(png.handle, nullptr);
  });
  check(good, ErrorCode::io, "png: {}", png.jump.reason.data());
  return out;
}

Image decode_png(std::span<const std::byte> file) {
  Png png(true);
  png_uint_32 width = 0, height = 0;
  bool good = guarded(png.jump, [&] {
    png_set_read_fn(png.handle, &file, read_callback);
    png_set_chunk_cache_max(png.handle, kMostTextChunks);
    png_set_chunk_malloc_max(png.handle, kMostChunkBytes);
    png_read_info(png.handle, png.info);
    width = png_get_image_width(png.handle, png.info);
    height = png_get_image_height(png.handle, png.info);
  });
  check(good, ErrorCode::bad_file, "damaged PNG: {}", png.jump.reason.data());
  check_size(width, height);

  int passes = 0;
  std::size_t row_bytes = 0;
  good = guarded(png.jump, [&] {
    ask_for_colours(png.handle);
    passes = png_set_interlace_handling(png.handle);
    png_read_update_info(png.handle, png.info);
    row_bytes = png_get_rowbytes(png.handle, png.info);
  });
  check(good, ErrorCode::bad_file, "damaged PNG: {}", png.jump.reason.data());

  Image image{.width = static_cast<int>(width), .height = static_cast<int>(height), .rgb = {}, .text = {}};
  image.rgb.resize(row_bytes * height);
  good = guarded(png.jump, [&] {
    for (int pass = 0; pass < passes; ++pass) {
      for (png_uint_32 y = 0; y < height; ++y) png_read_row(png.handle, &image.rgb[y * row_bytes], nullptr);
    }
    png_read_end(png.handle, png.info);
  });
  check(good, ErrorCode::bad_file, "damaged PNG: {}", png.jump.reason.data());
  if (row_bytes == std::size_t{4} * width) flatten_over_white(image.rgb);
  image.text = read_text(png);
  return upright(std::move(image), read_orientation(png));
}

}  // namespace sumi
