#include "weights/safetensors.h"

#include <string>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"

namespace sumi {
namespace {

/// The input as a file in memory, and the path by which it can be opened.
class MemoryFile {
 public:
  MemoryFile() : file_(::memfd_create("fuzz", 0)), path_("/proc/self/fd/" + std::to_string(file_)) {}
  void fill(const std::uint8_t* data, std::size_t size) {
    fuzz::expect(::ftruncate(file_, 0) == 0);
    fuzz::expect(::pwrite(file_, data, size, 0) == static_cast<ssize_t>(size));
  }
  const std::string& path() const { return path_; }

 private:
  int file_;
  std::string path_;
};

void read_everything(const std::string& path, std::size_t size) {
  std::size_t bytes = 0;
  for (const auto& [name, source] : read_safetensors(path)) {
    bytes += read_all(*source).size() * bytes_of(source->stored());
  }
  fuzz::expect(bytes <= size);
}

}  // namespace
}  // namespace sumi

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static sumi::MemoryFile file;
  file.fill(data, size);
  sumi::fuzz::may_fail([&] { sumi::read_everything(file.path(), size); });
  return 0;
}
