#include "image/exif.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "image/encoding.h"

namespace sumi {
namespace {

using namespace std::string_view_literals;

constexpr std::uint32_t kOrientation = 0x0112, kExifDirectory = 0x8769, kUserComment = 0x9286;
constexpr std::uint32_t kShort = 3, kLong = 4, kUndefined = 7;
constexpr std::string_view kUnicode = "UNICODE\0"sv, kAscii = "ASCII\0\0\0"sv, kPrefix = "Exif\0\0"sv;
constexpr std::size_t kEntryBytes = 12;  // tag 2, type 2, count 4, value or its offset 4

/// Numbers past the end are 0, and nothing lies at offset 0: that is the header.
class Tiff {
 public:
  explicit Tiff(std::string_view bytes) : bytes_(bytes) {
    if (bytes.starts_with("MM\0*"sv)) order_ = ByteOrder::big;
    if (bytes.starts_with("II*\0"sv)) order_ = ByteOrder::little;
  }

  bool valid() const { return order_.has_value(); }
  ByteOrder order() const { return *order_; }

  std::uint32_t number(std::size_t at, std::size_t count) const {
    if (at > bytes_.size() || count > bytes_.size() - at) return 0;
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t place = *order_ == ByteOrder::big ? at + i : at + count - 1 - i;
      value = value << 8 | static_cast<unsigned char>(bytes_[place]);
    }
    return value;
  }

  /// Where the entry of `tag` begins in the directory at `directory`.
  std::optional<std::size_t> entry(std::size_t directory, std::uint32_t tag) const {
    if (directory == 0) return std::nullopt;
    const std::size_t count = number(directory, 2);
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t at = directory + 2 + i * kEntryBytes;
      if (number(at, 2) == tag) return at;
    }
    return std::nullopt;
  }

  std::string_view slice(std::size_t at, std::size_t count) const {
    if (at == 0 || at > bytes_.size() || count > bytes_.size() - at) return {};
    return bytes_.substr(at, count);
  }

 private:
  std::string_view bytes_;
  std::optional<ByteOrder> order_;
};

/// Some programs write UTF-16 in the TIFF's byte order and some always big-endian. Most text has more characters below
/// U+0100 than with a low byte of zero, so its zeros lie in the high bytes.
ByteOrder guess_order(std::string_view utf16, ByteOrder otherwise) {
  std::array<std::size_t, 2> zeros{};
  for (std::size_t i = 0; i < utf16.size(); ++i) zeros[i % 2] += utf16[i] == '\0';
  if (zeros[0] == zeros[1]) return otherwise;
  return zeros[0] > zeros[1] ? ByteOrder::big : ByteOrder::little;
}

std::string decode_comment(std::string_view comment, ByteOrder order) {
  const std::string_view code = comment.substr(0, 8);
  std::string_view text = comment.substr(code.size());
  std::string utf8;
  if (code == kUnicode) {
    utf8 = utf16_to_utf8(text, guess_order(text, order));
  } else {
    if (code != kAscii && std::any_of(code.begin(), code.end(), [](char c) { return c != '\0'; })) text = comment;
    utf8 = is_utf8(text) ? std::string(text) : latin1_to_utf8(text);
  }
  while (!utf8.empty() && utf8.back() == '\0') utf8.pop_back();
  return utf8;
}

void append_big_endian(std::string& out, std::uint32_t value, int bytes) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) out.push_back(static_cast<char>(value >> shift));
}

/// A directory of one entry, and no directory after it.
void append_directory(std::string& out, std::uint32_t tag, std::uint32_t type, std::uint32_t count,
                      std::uint32_t value) {
  append_big_endian(out, 1, 2);
  append_big_endian(out, tag, 2);
  append_big_endian(out, type, 2);
  append_big_endian(out, count, 4);
  append_big_endian(out, value, 4);
  append_big_endian(out, 0, 4);
}

}  // namespace

Exif parse_exif(std::span<const std::byte> bytes) {
  std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (text.starts_with(kPrefix)) text.remove_prefix(kPrefix.size());
  Exif exif;
  const Tiff tiff(text);
  if (!tiff.valid()) return exif;
  const std::size_t first = tiff.number(4, 4);
  if (const auto at = tiff.entry(first, kOrientation); at && tiff.number(*at + 2, 2) == kShort) {
    const std::uint32_t value = tiff.number(*at + 8, 2);
    if (value >= 1 && value <= 8) exif.orientation = static_cast<int>(value);
  }
  if (const auto link = tiff.entry(first, kExifDirectory)) {
    if (const auto at = tiff.entry(tiff.number(*link + 8, 4), kUserComment)) {
      const std::size_t count = tiff.number(*at + 4, 4);
      const std::size_t place = count > 4 ? tiff.number(*at + 8, 4) : *at + 8;
      const std::string comment = decode_comment(tiff.slice(place, count), tiff.order());
      if (!comment.empty()) exif.user_comment = comment;
    }
  }
  return exif;
}

std::string exif_with_comment(std::string_view utf8) {
  constexpr std::uint32_t kHeaderBytes = 8, kDirectoryBytes = 2 + kEntryBytes + 4;
  const std::string comment = std::string(kUnicode) + utf8_to_utf16(utf8, ByteOrder::big);
  std::string out("MM\0*"sv);
  append_big_endian(out, kHeaderBytes, 4);
  append_directory(out, kExifDirectory, kLong, 1, kHeaderBytes + kDirectoryBytes);
  append_directory(out, kUserComment, kUndefined, static_cast<std::uint32_t>(comment.size()),
                   kHeaderBytes + 2 * kDirectoryBytes);
  return out + comment;
}

}  // namespace sumi
