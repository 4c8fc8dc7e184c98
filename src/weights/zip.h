#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "core/file_map.h"

namespace sumi {

/// Where the entries of a zip archive lie, so that they can be read through a map of it: libraries for the format hand
/// out copies alone. Archives over 4 GB (zip64) too. Only what is stored whole is of use; compressed and encrypted
/// entries are listed and cannot be found.
class ZipEntries {
 public:
  /// Error(bad_file) for an archive that is cut short, inconsistent, or has a name twice. `map` must outlive it.
  explicit ZipEntries(const FileMap& map);

  struct Range {
    std::size_t offset, bytes;
  };
  bool has(std::string_view name) const { return entries_.contains(name); }
  /// The first entry whose name ends so; empty where there is none.
  std::string name_ending_in(std::string_view ending) const;
  /// Where an entry's bytes are in the file. Error(bad_file) where it is missing or lies outside, Error(unsupported)
  /// where it is compressed or encrypted.
  Range find(std::string_view name) const;

 private:
  struct Entry {
    std::uint64_t header, packed_bytes, bytes;
    std::uint16_t method, flags;
  };
  struct Directory {
    std::uint64_t offset, bytes, entries;
  };
  Directory directory() const;
  void read_directory(const Directory& directory);

  const FileMap& map_;
  std::map<std::string, Entry, std::less<>> entries_;
};

}  // namespace sumi
