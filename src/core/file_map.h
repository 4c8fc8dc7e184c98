#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>

namespace sumi {

/// Makes a page of a FileMap that the system cannot deliver read as zeros, so that `FileMap::check` can tell, where the
/// process would otherwise end with SIGBUS: the file shrank after it was mapped, or its disk failed. Installs a SIGBUS
/// handler that passes every other address on to the one before it. Call it at the start of a program that reads models
/// (the command does); later calls do nothing.
void guard_file_maps();

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
  /// Error(io) if what was read so far may have been zeros in place of lost pages. Call it after reading.
  void check() const;

 private:
  std::filesystem::path path_;
  std::span<const std::byte> bytes_;
  MappedRange* range_ = nullptr;
};

}  // namespace sumi
