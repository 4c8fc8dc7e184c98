#include "units.h"

#include <array>
#include <cmath>

#include <fmt/format.h>

namespace sumi::cli {
namespace {

/// Three significant digits of `value` in the largest unit of a thousand that it reaches.
std::string scaled(double value, const char* unit) {
  constexpr std::array prefixes = {"", "k", "M", "G", "T", "P"};
  std::size_t i = 0;
  while (value >= 999.5 && i + 1 < prefixes.size()) value /= 1000, ++i;
  const int decimals = i == 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return fmt::format("{:.{}f} {}{}", value, decimals, prefixes[i], unit);
}

}  // namespace

std::string bytes_text(std::size_t bytes) { return scaled(static_cast<double>(bytes), "B"); }

std::string count_text(double count) {
  std::string text = scaled(count, "");
  while (text.ends_with(' ')) text.pop_back();
  return text;
}

std::string seconds_text(double seconds) {
  if (seconds < 0.9995) return fmt::format("{:.3g} ms", seconds * 1e3);
  if (seconds < 59.95) return fmt::format("{:.{}f} s", seconds, seconds < 9.995 ? 2 : 1);
  const auto whole = std::llround(seconds);
  if (whole < 3600) return fmt::format("{} min {} s", whole / 60, whole % 60);
  return fmt::format("{} h {} min", whole / 3600, whole % 3600 / 60);
}

std::string rate_text(double per_second) {
  if (!(per_second > 0)) return "";
  return per_second < 1 ? fmt::format("{:.2f} s/step", 1 / per_second) : fmt::format("{:.2f} steps/s", per_second);
}

}  // namespace sumi::cli
