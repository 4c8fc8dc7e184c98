#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sumi::test {

inline std::string little_endian(std::uint64_t value, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i) text += static_cast<char>(value >> (8 * i));
  return text;
}

struct ZipEntry {
  std::string name, data;
  std::uint16_t method = 0;
};

/// A zip archive of entries as given; the checksums, which nobody reads, are 0.
inline std::string zip_file(const std::vector<ZipEntry>& entries) {
  std::string file, list;
  for (const auto& [name, data, method] : entries) {
    const std::string common = little_endian(0, 2) + little_endian(method, 2) + std::string(8, '\0') +
                               little_endian(data.size(), 4) + little_endian(data.size(), 4) +
                               little_endian(name.size(), 2) + little_endian(0, 2);
    list += std::string("PK\1\2") + little_endian(20, 2) + little_endian(20, 2) + common + std::string(10, '\0') +
            little_endian(file.size(), 4) + name;
    file += std::string("PK\3\4") + little_endian(20, 2) + common + name + data;
  }
  const std::string end = std::string("PK\5\6") + std::string(4, '\0') + little_endian(entries.size(), 2) +
                          little_endian(entries.size(), 2) + little_endian(list.size(), 4) +
                          little_endian(file.size(), 4) + little_endian(0, 2);
  return file + list + end;
}

/// A file of PyTorch that has the opcodes `pickle` and one storage, named 0.
inline std::string torch_file(std::string_view pickle, std::string_view storage = "") {
  return zip_file({{"m/data.pkl", std::string("\x80\2").append(pickle)}, {"m/data/0", std::string(storage)}});
}

// Opcodes of pickles.
inline std::string text_code(std::string_view text) {
  std::string code = "X";
  return code.append(little_endian(text.size(), 4)).append(text);
}
inline std::string number_code(std::int32_t number) {
  std::string code = "J";
  return code.append(little_endian(static_cast<std::uint32_t>(number), 4));
}
inline std::string numbers_code(const std::vector<std::int32_t>& numbers) {
  std::string code = "(";
  for (const auto number : numbers) code += number_code(number);
  return code + "t";
}
/// A dict of one value that becomes the whole pickle.
inline std::string only_code(std::string_view key, std::string_view value) {
  std::string code = "}";
  return code.append(text_code(key)).append(value).append("s.");
}
/// The call that makes a tensor of the storage 0.
inline std::string tensor_code(std::string_view type, std::int32_t elements, std::int32_t offset,
                               const std::vector<std::int32_t>& sizes, const std::vector<std::int32_t>& strides) {
  return "ctorch._utils\n_rebuild_tensor_v2\n((" + text_code("storage") + "ctorch\n" + std::string(type) + "\n" +
         text_code("0") + text_code("cpu") + number_code(elements) + "tQ" + number_code(offset) + numbers_code(sizes) +
         numbers_code(strides) + "\x89}tR";
}

}  // namespace sumi::test
