#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include <jpeglib.h>
#include <png.h>

namespace sumi::test {

/// A PNG of any kind. `extra` sets what else the header needs: a palette, a transparent colour, EXIF data.
struct StoredPng {
  int width, height, depth, colour_type;
  std::vector<std::uint8_t> rows;
  int interlace = PNG_INTERLACE_NONE;
  std::function<void(png_structp, png_infop)> extra = {};
};

inline std::vector<std::byte> stored_png(StoredPng wanted) {
  std::vector<std::byte> out;
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png_create_info_struct(png);
  const auto write = [](png_structp state, png_bytep data, png_size_t count) {
    auto& bytes = *static_cast<std::vector<std::byte>*>(png_get_io_ptr(state));
    const auto* begin = reinterpret_cast<const std::byte*>(data);
    bytes.insert(bytes.end(), begin, begin + count);
  };
  png_set_write_fn(png, &out, write, nullptr);
  png_set_IHDR(png, info, static_cast<png_uint_32>(wanted.width), static_cast<png_uint_32>(wanted.height), wanted.depth,
               wanted.colour_type, wanted.interlace, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  if (wanted.extra) wanted.extra(png, info);
  png_write_info(png, info);
  const int passes = png_set_interlace_handling(png);
  const std::size_t stride = wanted.rows.size() / static_cast<std::size_t>(wanted.height);
  for (int pass = 0; pass < passes; ++pass) {
    for (int y = 0; y < wanted.height; ++y) png_write_row(png, &wanted.rows[static_cast<std::size_t>(y) * stride]);
  }
  png_write_end(png, info);
  png_destroy_write_struct(&png, &info);
  return out;
}

/// A JPEG of 8 x 8 equal pixels in any colour space, one value per component.
inline std::vector<std::byte> stored_jpeg(J_COLOR_SPACE space, std::vector<std::uint8_t> pixel) {
  jpeg_compress_struct state{};
  jpeg_error_mgr errors{};
  state.err = jpeg_std_error(&errors);
  jpeg_create_compress(&state);
  unsigned char* data = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&state, &data, &size);
  state.image_width = state.image_height = 8;
  state.input_components = static_cast<int>(pixel.size());
  state.in_color_space = space;
  jpeg_set_defaults(&state);
  jpeg_set_quality(&state, 100, TRUE);
  jpeg_start_compress(&state, TRUE);
  std::vector<std::uint8_t> row;
  for (int x = 0; x < 8; ++x) row.insert(row.end(), pixel.begin(), pixel.end());
  JSAMPROW rows = row.data();
  while (state.next_scanline < state.image_height) jpeg_write_scanlines(&state, &rows, 1);
  jpeg_finish_compress(&state);
  jpeg_destroy_compress(&state);
  const auto* bytes = reinterpret_cast<const std::byte*>(data);
  std::vector<std::byte> out(bytes, bytes + size);
  std::free(data);
  return out;
}

/// A segment of a JPEG put right behind its first two bytes.
inline std::vector<std::byte> with_segment(std::vector<std::byte> jpeg, int marker, const std::string& content) {
  const std::size_t length = content.size() + 2;
  std::string segment{char(0xFF), static_cast<char>(marker), static_cast<char>(length >> 8), static_cast<char>(length)};
  segment += content;
  const auto* bytes = reinterpret_cast<const std::byte*>(segment.data());
  jpeg.insert(jpeg.begin() + 2, bytes, bytes + segment.size());
  return jpeg;
}

}  // namespace sumi::test
