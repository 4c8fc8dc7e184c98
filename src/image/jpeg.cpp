#include <cstdio>
#include <cstdlib>
#include <jerror.h>

#include <jpeglib.h>

#include "core/check.h"
#include "image/codecs.h"
#include "image/encoding.h"
#include "image/exif.h"
#include "image/guarded.h"
#include "image/pixels.h"

namespace sumi {
namespace {

constexpr int kExifMarker = JPEG_APP0 + 1;
constexpr unsigned kLongestMarker = 65533;  // a length of two bytes counts itself
constexpr int kMostScans = 500;             // a progressive file of empty scans would take for ever
constexpr std::string_view kExifPrefix{"Exif\0\0", 6};

struct Errors : jpeg_error_mgr {
  Jump jump;
};

template <class State>
void leave(State* state) {
  char text[JMSG_LENGTH_MAX];
  state->err->format_message(reinterpret_cast<j_common_ptr>(state), text);
  static_cast<Errors*>(state->err)->jump.leave(text);
}

/// libjpeg only warns of data that ends early or makes no sense, and fills the rest with grey.
void on_message(j_common_ptr state, int level) {
  const int code = state->err->msg_code;
  const bool damaged = code == JWRN_JPEG_EOF || code == JWRN_HIT_MARKER || code == JWRN_HUFF_BAD_CODE;
  if (level < 0 && damaged) state->err->error_exit(state);
}

void set_up(Errors& errors) {
  jpeg_std_error(&errors);
  errors.error_exit = [](j_common_ptr state) { leave(state); };
  errors.emit_message = on_message;
}

struct Decompress {
  Decompress() {
    set_up(errors);
    state.err = &errors;
  }
  ~Decompress() { jpeg_destroy_decompress(&state); }
  Decompress(const Decompress&) = delete;
  Decompress& operator=(const Decompress&) = delete;

  Errors errors;
  jpeg_decompress_struct state{};
};

struct Compress {
  Compress() {
    set_up(errors);
    state.err = &errors;
  }
  ~Compress() {
    jpeg_destroy_compress(&state);
    std::free(data);
  }
  Compress(const Compress&) = delete;
  Compress& operator=(const Compress&) = delete;

  Errors errors;
  jpeg_compress_struct state{};
  unsigned char* data = nullptr;  // libjpeg's own, by malloc
  unsigned long size = 0;
};

void count_scans(j_common_ptr state) {
  auto* decompress = reinterpret_cast<j_decompress_ptr>(state);
  if (decompress->is_decompressor && decompress->input_scan_number > kMostScans) {
    static_cast<Errors*>(state->err)->jump.leave("it has too many scans");
  }
}

void read_markers(const jpeg_decompress_struct& state, Image& image, Exif& exif) {
  for (auto* marker = state.marker_list; marker; marker = marker->next) {
    const std::span bytes(marker->data, marker->data_length);
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    if (marker->marker == JPEG_COM) {
      image.text.emplace_back("comment", is_utf8(text) ? std::string(text) : latin1_to_utf8(text));
    } else if (text.starts_with(kExifPrefix)) {
      exif = parse_exif(std::as_bytes(bytes));
    }
  }
  if (exif.user_comment) image.text.emplace_back(kParametersKey, *exif.user_comment);
}

}  // namespace

Bytes encode_jpeg(const Image& image, const ImageOptions& options) {
  check(image.width <= JPEG_MAX_DIMENSION && image.height <= JPEG_MAX_DIMENSION, ErrorCode::usage,
        "a JPEG has at most {} pixels a side, the picture has {} x {}", JPEG_MAX_DIMENSION, image.width, image.height);
  std::string exif;
  if (const auto parameters = parameters_text(image); !parameters.empty()) {
    exif = std::string(kExifPrefix) + exif_with_comment(parameters);
  }
  check(exif.size() <= kLongestMarker, ErrorCode::usage,
        "a JPEG holds at most {} bytes of settings, these take {}: write a .png", kLongestMarker, exif.size());
  Compress jpeg;
  const bool good = guarded(jpeg.errors.jump, [&] {
    auto* state = &jpeg.state;
    jpeg_create_compress(state);
    jpeg_mem_dest(state, &jpeg.data, &jpeg.size);
    state->image_width = static_cast<JDIMENSION>(image.width);
    state->image_height = static_cast<JDIMENSION>(image.height);
    state->input_components = 3;
    state->in_color_space = JCS_RGB;
    jpeg_set_defaults(state);
    jpeg_set_quality(state, options.quality, TRUE);
    // 4:4:4: half the colours' resolution is seen on the fine, saturated edges that models draw.
    state->comp_info[0].h_samp_factor = state->comp_info[0].v_samp_factor = 1;
    state->optimize_coding = TRUE;
    jpeg_start_compress(state, TRUE);
    if (!exif.empty()) {
      const auto* bytes = reinterpret_cast<const JOCTET*>(exif.data());
      jpeg_write_marker(state, kExifMarker, bytes, static_cast<unsigned>(exif.size()));
    }
    const std::size_t stride = std::size_t{3} * state->image_width;
    while (state->next_scanline < state->image_height) {
      auto* row = const_cast<JSAMPROW>(&image.rgb[stride * state->next_scanline]);  // libjpeg only reads it
      jpeg_write_scanlines(state, &row, 1);
    }
    jpeg_finish_compress(state);
  });
  check(good, ErrorCode::io, "jpeg: {}", jpeg.errors.jump.reason.data());
  const auto bytes = std::as_bytes(std::span(jpeg.data, jpeg.size));
  return {bytes.begin(), bytes.end()};
}

Image decode_jpeg(std::span<const std::byte> file) {
  Decompress jpeg;
  jpeg_decompress_struct* state = &jpeg.state;
  jpeg_progress_mgr progress{};
  progress.progress_monitor = count_scans;
  bool good = guarded(jpeg.errors.jump, [&] {
    jpeg_create_decompress(state);
    state->progress = &progress;
    jpeg_mem_src(state, reinterpret_cast<const unsigned char*>(file.data()), file.size());
    jpeg_save_markers(state, kExifMarker, 0xFFFF);
    jpeg_save_markers(state, JPEG_COM, 0xFFFF);
    jpeg_read_header(state, TRUE);
  });
  check(good, ErrorCode::bad_file, "damaged JPEG: {}", jpeg.errors.jump.reason.data());
  check_size(state->image_width, state->image_height);
  check(state->jpeg_color_space != JCS_CMYK && state->jpeg_color_space != JCS_YCCK, ErrorCode::unsupported,
        "a CMYK JPEG, which has no defined colours on a screen: convert it to RGB");

  Image image{.width = static_cast<int>(state->image_width),
              .height = static_cast<int>(state->image_height),
              .rgb = {},
              .text = {}};
  Exif exif;
  read_markers(*state, image, exif);  // finishing frees them
  const std::size_t stride = std::size_t{3} * state->image_width;
  image.rgb.resize(stride * state->image_height);
  good = guarded(jpeg.errors.jump, [&] {
    state->out_color_space = JCS_RGB;
    jpeg_start_decompress(state);
    while (state->output_scanline < state->output_height) {
      JSAMPROW row = &image.rgb[stride * state->output_scanline];
      jpeg_read_scanlines(state, &row, 1);
    }
    jpeg_finish_decompress(state);
  });
  check(good, ErrorCode::bad_file, "damaged JPEG: {}", jpeg.errors.jump.reason.data());
  return upright(std::move(image), exif.orientation);
}

}  // namespace sumi
