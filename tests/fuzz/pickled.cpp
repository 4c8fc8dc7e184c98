#include "weights/pickled.h"

#include "memory_file.h"

namespace {

/// Views share their storage, so that together they may hold more than the file, but none more than it.
void read_everything(const std::string& path, std::size_t size) {
  for (const auto& [name, source] : sumi::read_pickled_file(path).tensors) {
    const auto bytes = static_cast<std::size_t>(source->shape().elements()) * sumi::bytes_of(source->stored());
    sumi::fuzz::expect(bytes <= size);
    if (bytes <= 4096) sumi::read_all(*source);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static sumi::fuzz::MemoryFile file;
  file.fill(data, size);
  sumi::fuzz::may_fail([&] { read_everything(file.path(), size); });
  sumi::fuzz::may_fail([&] { sumi::read_pickled(file.path()); });
  return 0;
}
