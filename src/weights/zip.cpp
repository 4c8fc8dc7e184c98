#include "weights/zip.h"

#include <algorithm>

#include "weights/bytes.h"

namespace sumi {
namespace {

// Signatures and sizes of APPNOTE.TXT, sections 4.3.7 to 4.3.16.
constexpr std::uint32_t kLocal = 0x04034b50, kCentral = 0x02014b50, kEnd64 = 0x06064b50, kLocator64 = 0x07064b50;
constexpr std::size_t kEndBytes = 22, kLocator64Bytes = 20, kCentralBytes = 46, kLocalBytes = 30;
constexpr std::uint32_t kInExtra32 = 0xffffffff;
constexpr std::uint16_t kInExtra16 = 0xffff, kExtra64 = 1, kEncrypted = 1, kStored = 0;

/// Replaces the numbers that do not fit 32 bits by those of the zip64 field, which are there in this order.
void widen(ByteReader extra, std::initializer_list<std::uint64_t*> numbers) {
  while (extra.left() >= 4) {
    const auto id = extra.number<std::uint16_t>();
    const auto bytes = extra.number<std::uint16_t>();
    ByteReader field(extra.take(bytes), extra.where());
    if (id != kExtra64) continue;
    for (std::uint64_t* number : numbers) {
      if (*number == kInExtra32) *number = field.number<std::uint64_t>();
    }
  }
}

}  // namespace

ZipEntries::ZipEntries(const FileMap& map) : map_(map) { read_directory(directory()); }

ZipEntries::Directory ZipEntries::directory() const {
  const auto bytes = map_.bytes();
  const std::string where = map_.path().string();
  // The record ends the file but for a comment of up to 64 KiB.
  const std::size_t tail = std::min<std::size_t>(bytes.size(), kEndBytes + 0xffff);
  const std::string_view text{reinterpret_cast<const char*>(bytes.data()) + (bytes.size() - tail), tail};
  const auto place = text.rfind("PK\5\6");
  check(place != std::string_view::npos && tail - place >= kEndBytes, ErrorCode::bad_file,
        "{}: cut short: the list of its contents, at its end, is missing", where);
  const std::size_t end = bytes.size() - tail + place;
  ByteReader record(bytes.subspan(end), where);
  record.skip(10);
  Directory directory{};
  directory.entries = record.number<std::uint16_t>();
  directory.bytes = record.number<std::uint32_t>();
  directory.offset = record.number<std::uint32_t>();
  const bool wide = directory.entries == kInExtra16 || directory.bytes == kInExtra32 || directory.offset == kInExtra32;
  if (!wide || end < kLocator64Bytes) return directory;

  ByteReader locator(bytes.subspan(end - kLocator64Bytes), where);
  if (locator.number<std::uint32_t>() != kLocator64) return directory;
  locator.skip(4);
  const auto record64 = locator.number<std::uint64_t>();
  check(record64 <= bytes.size(), ErrorCode::bad_file, "{}: its list of contents lies outside the file", where);
  ByteReader wider(bytes.subspan(static_cast<std::size_t>(record64)), where);
  check(wider.number<std::uint32_t>() == kEnd64, ErrorCode::bad_file, "{}: its list of contents is damaged", where);
  wider.skip(28);
  directory.entries = wider.number<std::uint64_t>();
  directory.bytes = wider.number<std::uint64_t>();
  directory.offset = wider.number<std::uint64_t>();
  return directory;
}

void ZipEntries::read_directory(const Directory& directory) {
  const auto bytes = map_.bytes();
  const std::string where = map_.path().string();
  check(directory.offset <= bytes.size() && directory.bytes <= bytes.size() - directory.offset &&
            directory.entries <= directory.bytes / kCentralBytes,
        ErrorCode::bad_file, "{}: its list of contents lies outside the file; it may be cut short", where);
  ByteReader list(bytes.subspan(static_cast<std::size_t>(directory.offset), static_cast<std::size_t>(directory.bytes)),
                  where);
  for (std::uint64_t i = 0; i < directory.entries; ++i) {
    check(list.number<std::uint32_t>() == kCentral, ErrorCode::bad_file, "{}: its list of contents is damaged", where);
    Entry entry{};
    list.skip(4);
    entry.flags = list.number<std::uint16_t>();
    entry.method = list.number<std::uint16_t>();
    list.skip(8);
    entry.packed_bytes = list.number<std::uint32_t>();
    entry.bytes = list.number<std::uint32_t>();
    const auto name_bytes = list.number<std::uint16_t>();
    const auto extra_bytes = list.number<std::uint16_t>();
    const auto comment_bytes = list.number<std::uint16_t>();
    list.skip(8);
    entry.header = list.number<std::uint32_t>();
    const std::string name(list.text(name_bytes));
    widen(ByteReader(list.take(extra_bytes), where), {&entry.bytes, &entry.packed_bytes, &entry.header});
    list.skip(comment_bytes);
    check(entries_.emplace(name, entry).second, ErrorCode::bad_file, "{}: '{}' is there twice", where, name);
  }
}

std::string ZipEntries::name_ending_in(std::string_view ending) const {
  const auto found =
      std::find_if(entries_.begin(), entries_.end(), [&](const auto& item) { return item.first.ends_with(ending); });
  return found == entries_.end() ? "" : found->first;
}

ZipEntries::Range ZipEntries::find(std::string_view name) const {
  const auto bytes = map_.bytes();
  const std::string where = map_.path().string();
  const auto found = entries_.find(name);
  check(found != entries_.end(), ErrorCode::bad_file, "{}: '{}' is missing in it", where, name);
  const Entry& entry = found->second;
  check(entry.method == kStored && (entry.flags & kEncrypted) == 0, ErrorCode::unsupported,
        "{}: '{}' is compressed or encrypted; load it with PyTorch and save it again", where, name);
  check(entry.header <= bytes.size() && bytes.size() - entry.header >= kLocalBytes, ErrorCode::bad_file,
        "{}: '{}' lies outside the file", where, name);
  ByteReader local(bytes.subspan(static_cast<std::size_t>(entry.header)), where);
  check(local.number<std::uint32_t>() == kLocal, ErrorCode::bad_file, "{}: '{}' is not where the list says", where,
        name);
  local.skip(22);
  const auto name_bytes = local.number<std::uint16_t>();
  const auto extra_bytes = local.number<std::uint16_t>();
  check(local.text(name_bytes) == name, ErrorCode::bad_file, "{}: '{}' is not where the list says", where, name);
  local.skip(extra_bytes);
  check(entry.bytes == entry.packed_bytes && entry.bytes <= local.left(), ErrorCode::bad_file,
        "{}: '{}' has {} bytes, which lie outside the file; it may be cut short", where, name, entry.bytes);
  return {static_cast<std::size_t>(entry.header) + local.at(), static_cast<std::size_t>(entry.bytes)};
}

}  // namespace sumi
