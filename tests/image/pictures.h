#pragma once

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <string>
#include <unistd.h>
#include <vector>

#include "sumi/image.h"

namespace sumi::test {

/// A folder that goes away with the object.
class Folder {
 public:
  Folder() {
    static std::atomic<int> count{0};
    const std::string name = "sumi-image-" + std::to_string(::getpid()) + "-" + std::to_string(count++);
    path_ = std::filesystem::temp_directory_path() / name;
    std::filesystem::create_directory(path_);
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }
  const std::filesystem::path& path() const { return path_; }
  std::size_t files() const {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(path_), {}));
  }

 private:
  std::filesystem::path path_;
};

inline std::vector<std::byte> bytes_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

inline std::string text_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// Slow waves of colour: like a photograph, it survives lossy formats well. No two rows or columns are equal.
inline Image waves(int width, int height) {
  Image image{.width = width, .height = height, .rgb = {}, .text = {}};
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const double values[3] = {std::sin(0.05 * x), std::cos(0.04 * y), std::sin(0.03 * (x + 2 * y))};
      for (const double value : values)
        image.rgb.push_back(static_cast<std::uint8_t>(std::lround(127.5 + 120 * value)));
    }
  }
  return image;
}

/// A picture of tests/fixtures/image.
inline Image fixture(const std::string& name) {
  return read_image(std::filesystem::path(SUMI_SOURCE_DIR) / "tests" / "fixtures" / "image" / name);
}

/// 256 where the sizes differ.
inline int largest_difference(const std::vector<std::uint8_t>& a, const std::vector<std::uint8_t>& b) {
  if (a.size() != b.size()) return 256;
  int most = 0;
  for (std::size_t i = 0; i < a.size(); ++i) most = std::max(most, std::abs(int{a[i]} - int{b[i]}));
  return most;
}

/// Peak signal to noise ratio in dB.
inline double psnr(const Image& a, const Image& b) {
  if (a.width != b.width || a.height != b.height || a.rgb.size() != b.rgb.size()) return 0;
  double sum = 0;
  for (std::size_t i = 0; i < a.rgb.size(); ++i) sum += std::pow(double(a.rgb[i]) - double(b.rgb[i]), 2);
  if (sum == 0) return std::numeric_limits<double>::infinity();
  return 10 * std::log10(255.0 * 255.0 * static_cast<double>(a.rgb.size()) / sum);
}

/// The text of the Error that `call` throws, if it has the code and one line; else what happened instead.
template <class Call>
std::string error_of(ErrorCode expected, const Call& call) {
  try {
    call();
  } catch (const Error& error) {
    if (error.code() != expected) return std::string("wrong code: ") + error.what();
    return std::string(error.what()).find('\n') == std::string::npos ? error.what() : "more than one line";
  }
  return "no error";
}

}  // namespace sumi::test
