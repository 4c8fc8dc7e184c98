#pragma once

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "core/json.h"
#include "weights/checkpoint.h"

namespace sumi::test {

/// The folder of what the reference computed; SUMI_FIXTURES names another, of other weights and seeds.
inline std::filesystem::path fixtures() {
  const char* other = std::getenv("SUMI_FIXTURES");
  return other ? std::filesystem::path(other) : std::filesystem::path(SUMI_SOURCE_DIR) / "tests" / "fixtures";
}

/// One case of the reference: what was asked, and the tensors that came out.
class Fixture {
 public:
  explicit Fixture(const std::string& case_name)
      : name(case_name),
        ask(read_json(fixtures() / "cases" / (case_name + ".json"))),
        file_(open_checkpoint((fixtures() / "cases" / (case_name + ".safetensors")).string())) {}

  bool has(const std::string& tensor) const { return file_->find(tensor) != nullptr; }
  Shape shape(const std::string& tensor) const { return file_->find(tensor)->shape(); }
  std::vector<float> values(const std::string& tensor) const { return read_all(*file_->find(tensor)); }
  const TensorMap& tensors() const { return file_->tensors(); }

  std::string name;
  Json ask;

 private:
  CheckpointPtr file_;
};

inline double largest(const std::vector<float>& values) {
  double most = 0;
  for (const float value : values) most = std::max(most, std::abs(static_cast<double>(value)));
  return most;
}

/// Infinity where the sizes differ or a value is not finite.
inline double largest_difference(const std::vector<float>& a, const std::vector<float>& b) {
  if (a.size() != b.size()) return INFINITY;
  double most = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double difference = std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i]));
    if (!(difference <= most)) most = std::isnan(difference) ? INFINITY : difference;
  }
  return most;
}

inline double rms_difference(const std::vector<float>& a, const std::vector<float>& b) {
  if (a.size() != b.size()) return INFINITY;
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += std::pow(static_cast<double>(a[i]) - static_cast<double>(b[i]), 2);
  return std::sqrt(sum / static_cast<double>(std::max<std::size_t>(a.size(), 1)));
}

/// (N, C, H, W) from (N, H, W, C).
inline std::vector<float> channels_first(const std::vector<float>& values, const Shape& nhwc) {
  std::vector<float> out(values.size());
  std::size_t from = 0;
  for (std::int64_t n = 0; n < nhwc[0]; ++n)
    for (std::int64_t y = 0; y < nhwc[1]; ++y)
      for (std::int64_t x = 0; x < nhwc[2]; ++x)
        for (std::int64_t c = 0; c < nhwc[3]; ++c)
          out[static_cast<std::size_t>(((n * nhwc[3] + c) * nhwc[1] + y) * nhwc[2] + x)] = values[from++];
  return out;
}

/// (N, H, W, C) from (N, C, H, W).
inline std::vector<float> channels_last(const std::vector<float>& values, const Shape& nchw) {
  std::vector<float> out(values.size());
  std::size_t from = 0;
  for (std::int64_t n = 0; n < nchw[0]; ++n)
    for (std::int64_t c = 0; c < nchw[1]; ++c)
      for (std::int64_t y = 0; y < nchw[2]; ++y)
        for (std::int64_t x = 0; x < nchw[3]; ++x)
          out[static_cast<std::size_t>(((n * nchw[2] + y) * nchw[3] + x) * nchw[1] + c)] = values[from++];
  return out;
}

}  // namespace sumi::test
