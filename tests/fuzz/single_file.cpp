#include "weights/single_file.h"

#include <algorithm>
#include <string>
#include <vector>

#include "core/json.h"
#include "memory_file.h"
#include "weights/ldm_file.h"

namespace {

using namespace sumi;

/// A safetensors file out of lines of a name and digits, each an extent. Its values are zero.
std::string file_of(std::string_view text) {
  Json header = Json::object();
  std::size_t bytes = 0;
  while (!text.empty() && header.size() < 250) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    const auto space = std::min(line.find(' '), line.size());
    std::vector<std::int64_t> extents;
    for (const char c : line.substr(space)) {
      if (c >= '0' && c <= '9' && extents.size() < Shape::max_rank) extents.push_back(c - '0');
    }
    const auto elements = static_cast<std::size_t>(Shape(extents).elements());
    const std::string name(line.substr(0, space));
    if (elements > 128 || header.contains(name)) continue;
    header[name] = {{"dtype", "F16"}, {"shape", extents}, {"data_offsets", {bytes, bytes + 2 * elements}}};
    bytes += 2 * elements;
  }
  const std::string json = header.dump(-1, ' ', true, Json::error_handler_t::replace);
  std::string file;
  for (int i = 0; i < 8; ++i) file += static_cast<char>(json.size() >> (8 * i));
  return file + json + std::string(bytes, '\0');
}

void use(const ModelFiles& files) {
  for (const auto& part : files.weighted()) {
    const CheckpointPtr weights = files.weights(part);
    for (const auto& [name, source] : weights->tensors()) read_all(*source);
  }
  const TensorMap file = ldm_file(files);
  for (const auto& [name, source] : file) read_all(*source);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static fuzz::MemoryFile file;
  const std::string bytes = file_of(fuzz::text_of(data, size));
  file.fill(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  fuzz::may_fail([&] { use(*open_single_file(file.path())); });
  for (const char* part : {"unet", "vae", "controlnet"}) {
    fuzz::may_fail([&] { use(*open_part(file.path(), part)); });
  }
  return 0;
}
