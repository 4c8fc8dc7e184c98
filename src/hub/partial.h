#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>

#include "hub/answer.h"
#include "hub/digest.h"

namespace sumi {

/// An exclusive lock that other programs, other threads and the hub's own library respect, until this object ends.
class FileLock {
 public:
  /// Nothing while somebody else has it. The file is made where there is none; Error(io) where that fails.
  static std::optional<FileLock> attempt(const std::filesystem::path& path);
  FileLock(FileLock&& other) noexcept;
  FileLock& operator=(FileLock&&) = delete;
  ~FileLock();

 private:
  explicit FileLock(int file) : file_(file) {}
  int file_ = -1;
};

/// A blob while it is fetched, `BLOB.incomplete`: it stays when the program ends, and the next one goes on from there.
/// Only the holder of the blob's lock may have one.
class PartialBlob {
 public:
  /// Takes up what an earlier program left. `file` has a size and a digest. Error(io).
  PartialBlob(const std::filesystem::path& blob, const HubFile& file);
  PartialBlob(const PartialBlob&) = delete;
  PartialBlob& operator=(const PartialBlob&) = delete;
  ~PartialBlob();

  std::uint64_t size() const { return size_; }
  /// Appends. Error(bad_file) beyond the file's size, Error(io) for a full disk.
  void add(std::span<const std::byte> bytes);
  void restart();
  /// Puts it in the blob's place; false, and it begins anew, where its content is not what its digest names.
  bool commit();

 private:
  void take_up();
  [[noreturn]] void refuse(int error) const;

  std::filesystem::path blob_, path_;
  std::string expected_;
  std::uint64_t expected_size_;
  Digest digest_;
  std::uint64_t size_ = 0;
  int file_ = -1;
};

}  // namespace sumi
