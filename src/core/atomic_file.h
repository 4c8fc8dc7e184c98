#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string_view>

namespace sumi {

/// A file that appears whole or not at all: bytes go to a hidden name beside it, and `commit` puts it in its place.
/// Without a commit the hidden file is removed and whatever had the name stays as it was. A link is followed, an
/// existing file keeps its permissions, and what is not a regular file (a device, a pipe) is written directly. Every
/// failure is Error(io) that names the file and the system's reason.
class AtomicFile {
 public:
  explicit AtomicFile(const std::filesystem::path& path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(std::span<const std::byte> bytes);
  void write(std::string_view text) { write(std::as_bytes(std::span(text))); }
  /// Flushes to the disk and renames. Nothing may be written afterwards.
  void commit();

 private:
  [[noreturn]] void fail_with(int error) const;

  std::filesystem::path path_;       ///< the name as given, for messages
  std::filesystem::path target_;     ///< where links lead
  std::filesystem::path temporary_;  ///< empty when written directly
  int file_ = -1;
};

/// All of a small file in one call.
void write_whole_file(const std::filesystem::path& path, std::span<const std::byte> bytes);

}  // namespace sumi
