#pragma once

#include <string>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"

namespace sumi::fuzz {

/// The input as a file in memory, and the path by which it can be opened.
class MemoryFile {
 public:
  MemoryFile() : file_(::memfd_create("fuzz", 0)), path_("/proc/self/fd/" + std::to_string(file_)) {}
  void fill(const std::uint8_t* data, std::size_t size) {
    expect(::ftruncate(file_, 0) == 0);
    expect(::pwrite(file_, data, size, 0) == static_cast<ssize_t>(size));
  }
  const std::string& path() const { return path_; }

 private:
  int file_;
  std::string path_;
};

}  // namespace sumi::fuzz
