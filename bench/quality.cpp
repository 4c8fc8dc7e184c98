// What a precision does to pictures: those of the model that comes with Sumi, one a prompt of a list, against
// float32's. Prints the peak signal-to-noise ratio over all pixels and channels, and the structural similarity of the
// luminance.
//   sumi_bench_quality PROMPTS [dtype | device:dtype ...]

#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <numeric>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "sumi/engine.h"

namespace sumi {
namespace {

double psnr(const Image& a, const Image& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.rgb.size(); ++i) sum += std::pow(a.rgb[i] - b.rgb[i], 2);
  return 10 * std::log10(255.0 * 255.0 * static_cast<double>(a.rgb.size()) / std::max(sum, 1e-9));
}

/// A picture of doubles that weighs neighbours by a Gaussian.
struct Plane {
  std::size_t width, height;
  std::vector<double> values;

  Plane blurred() const {
    const Plane lines = blurred_along(1, width);
    return lines.blurred_along(width, height);
  }
  template <class Function>
  Plane with(const Plane& other, Function function) const {
    Plane made = *this;
    for (std::size_t i = 0; i < values.size(); ++i) made.values[i] = function(values[i], other.values[i]);
    return made;
  }

 private:
  /// Eleven values, of deviation 1.5; at the border as many as there are.
  Plane blurred_along(std::size_t step, std::size_t length) const {
    Plane made = *this;
    for (std::size_t i = 0; i < values.size(); ++i) {
      const auto at = static_cast<std::ptrdiff_t>(i / step % length), last = static_cast<std::ptrdiff_t>(length) - 1;
      double sum = 0, weights = 0;
      for (std::ptrdiff_t d = std::max<std::ptrdiff_t>(-5, -at); d <= std::min<std::ptrdiff_t>(5, last - at); ++d) {
        const double weight = std::exp(-static_cast<double>(d * d) / (2 * 1.5 * 1.5));
        sum += weight * values[i + static_cast<std::size_t>(d * static_cast<std::ptrdiff_t>(step))];
        weights += weight;
      }
      made.values[i] = sum / weights;
    }
    return made;
  }
};

Plane luminance(const Image& image) {
  Plane plane{static_cast<std::size_t>(image.width), static_cast<std::size_t>(image.height), {}};
  for (std::size_t i = 0; i < image.rgb.size(); i += 3) {
    plane.values.push_back(0.299 * image.rgb[i] + 0.587 * image.rgb[i + 1] + 0.114 * image.rgb[i + 2]);
  }
  return plane;
}

/// Wang, Bovik, Sheikh and Simoncelli (2004), the mean over all pixels.
double ssim(const Image& a, const Image& b) {
  constexpr double c1 = 0.01 * 255 * 0.01 * 255, c2 = 0.03 * 255 * 0.03 * 255;
  const auto times = [](double p, double q) { return p * q; };
  const auto minus = [](double p, double q) { return p - q; };
  const Plane x = luminance(a), y = luminance(b), mx = x.blurred(), my = y.blurred();
  const auto moment = [&](const Plane& p, const Plane& q, const Plane& mp, const Plane& mq) {
    return p.with(q, times).blurred().with(mp.with(mq, times), minus);
  };
  const Plane xx = moment(x, x, mx, mx), yy = moment(y, y, my, my), xy = moment(x, y, mx, my);
  double sum = 0;
  for (std::size_t i = 0; i < x.values.size(); ++i) {
    const double p = mx.values[i], q = my.values[i];
    sum += (2 * p * q + c1) * (2 * xy.values[i] + c2) / ((p * p + q * q + c1) * (xx.values[i] + yy.values[i] + c2));
  }
  return sum / static_cast<double>(x.values.size());
}

/// `way`: a dtype of the processor, or of a device as "ref:fp8" and "cuda:0:f16".
std::vector<Image> pictures(const std::string& way, const std::vector<std::string>& prompts) {
  const std::size_t end = way.rfind(':');
  Engine engine(end == std::string::npos ? EngineOptions{.dtype = way}
                                         : EngineOptions{.device = way.substr(0, end), .dtype = way.substr(end + 1)});
  std::vector<Image> made;
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    made.push_back(engine.generate({.prompt = prompts[i], .seed = i}).pictures.front().image);
  }
  return made;
}

std::string distribution(std::vector<double> values, int digits) {
  std::sort(values.begin(), values.end());
  const std::size_t n = values.size();
  return fmt::format("{:.{}f} | {:.{}f} | {:.{}f}", values.front(), digits, (values[(n - 1) / 2] + values[n / 2]) / 2,
                     digits, std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(n), digits);
}

void report(const std::string& way, const std::vector<std::string>& prompts, const std::vector<Image>& expected) {
  const std::vector<Image> found = pictures(way, prompts);
  std::vector<double> ratios, similarities;
  for (std::size_t i = 0; i < found.size(); ++i) {
    ratios.push_back(psnr(found[i], expected[i]));
    similarities.push_back(ssim(found[i], expected[i]));
  }
  const auto worst = std::min_element(ratios.begin(), ratios.end()) - ratios.begin();
  fmt::print("| {} | {} | {} | {} |\n", way, distribution(ratios, 1), distribution(similarities, 4),
             prompts[static_cast<std::size_t>(worst)]);
  std::fflush(stdout);
}

std::vector<std::string> read_lines(const char* path) {
  std::ifstream file(path);
  if (!file) throw Error(ErrorCode::not_found, fmt::format("{}: cannot be read", path));
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) {
    if (!line.empty()) lines.push_back(line);
  }
  if (lines.empty()) throw Error(ErrorCode::usage, fmt::format("{}: has no prompts", path));
  return lines;
}

}  // namespace
}  // namespace sumi

int main(int count, char** arguments) try {
  if (count < 2) {
    fmt::print(stderr, "usage: sumi_bench_quality PROMPTS [dtype | device:dtype ...]\n");
    return 2;
  }
  const std::vector<std::string> prompts = sumi::read_lines(arguments[1]);
  std::vector<std::string> ways(arguments + 2, arguments + count);
  if (ways.empty()) ways = {"bf16", "int8"};
  const std::vector<sumi::Image> expected = sumi::pictures("f32", prompts);
  fmt::print(
      "| {} prompts | PSNR min, dB | median | mean | SSIM min | median | mean | least like float32's |\n"
      "|---|---|---|---|---|---|---|---|\n",
      prompts.size());
  for (const std::string& way : ways) sumi::report(way, prompts, expected);
  return 0;
} catch (const sumi::Error& error) {
  fmt::print(stderr, "sumi_bench_quality: {}\n", error.what());
  return 1;
}
