#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>

namespace sumi {

struct MappedRange;

/// A file mapped read-only for as long as the object lives. Any number of threads may read it.
class FileMap {
 public:
  /// Error(not_found), or Error(io) where it is not a plain file or the system refuses.
  explicit FileMap(const std::filesystem::path& path);
  ~FileMap();
  FileMap(const FileMap&) = delete;
  FileMap& operator=(const FileMap&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::span<const std::byte> bytes() const { return bytes_; }
  /// Error(io) if what was read so far may have been zeros in place of lost pages (`guard_file_maps` of sumi/program.h
  /// puts them there). Call it after reading.
  void check() const;

 private:
  std::filesystem::path path_;
  std::span<const std::byte> bytes_;
  MappedRange* range_ = nullptr;
};

}  // namespace sumi
