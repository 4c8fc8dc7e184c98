#include "weights/safetensors.h"

#include <string>

#include "memory_file.h"

namespace sumi {
namespace {

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
  static sumi::fuzz::MemoryFile file;
  file.fill(data, size);
  sumi::fuzz::may_fail([&] { sumi::read_everything(file.path(), size); });
  return 0;
}
