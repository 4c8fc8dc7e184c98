#include "core/nearest.h"

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <utility>

namespace sumi {
namespace {

constexpr std::size_t kMostNames = 3;
constexpr std::size_t kFewestToComplete = 3;  // letters before a name counts as the beginning of another
constexpr std::size_t kLongest = 200;  // longer names are no slips of the finger, and distance takes their product

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

/// Damerau's distance between neighbours (optimal string alignment).
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before_last(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::swap(before_last, last);
    std::swap(last, row);
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] != b[j - 1])});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
  }
  return row[b.size()];
}

}  // namespace

std::vector<std::string> nearest_names(std::string_view wanted, std::span<const std::string> known) {
  if (wanted.size() > kLongest) return {};
  const std::string wish = lower(wanted);
  std::vector<std::pair<std::size_t, std::string>> near;
  for (const std::string& name : known) {
    if (name.size() > kLongest) continue;
    const std::string other = lower(name);
    const std::size_t far = distance(wish, other), shorter = std::min(wish.size(), other.size());
    const bool completes = shorter >= kFewestToComplete && (other.starts_with(wish) || wish.starts_with(other));
    if (completes || 3 * far <= std::max(wish.size(), other.size())) near.emplace_back(far, name);
  }
  std::sort(near.begin(), near.end());
  near.erase(std::unique(near.begin(), near.end()), near.end());
  std::vector<std::string> names;
  for (auto& [far, name] : near) {
    if (names.size() < kMostNames) names.push_back(std::move(name));
  }
  return names;
}

std::string did_you_mean(std::string_view wanted, std::span<const std::string> known) {
  return did_you_mean(nearest_names(wanted, known));
}

std::string did_you_mean(std::span<const std::string> near) {
  std::string text;
  for (std::size_t i = 0; i < near.size(); ++i) {
    if (i > 0) text += i + 1 < near.size() ? ", " : " or ";
    text += near[i];
  }
  return text.empty() ? text : "; did you mean " + text + "?";
}

}  // namespace sumi
