#include "hub/settings.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>
#include <fstream>

#include "core/check.h"

namespace sumi {
namespace {

namespace fs = std::filesystem;

/// Empty counts as not set.
std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

/// A leading "~" is the home folder, for values that no shell has seen.
fs::path expanded(const std::string& path) {
  if (path != "~" && !path.starts_with("~/")) return path;
  return variable("HOME") + path.substr(1);
}

fs::path home_of_hub() {
  if (const std::string home = variable("HF_HOME"); !home.empty()) return expanded(home);
  const std::string caches = variable("XDG_CACHE_HOME");
  return (caches.empty() ? expanded("~/.cache") : expanded(caches)) / "huggingface";
}

std::string trimmed(std::string text) {
  const auto blank = [](unsigned char c) { return std::isspace(c) != 0; };
  while (!text.empty() && blank(text.back())) text.pop_back();
  text.erase(text.begin(), std::find_if_not(text.begin(), text.end(), blank));
  return text;
}

std::string find_token(const fs::path& home) {
  constexpr std::array kNames{"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "ACCESS_TOKEN"};
  for (const char* name : kNames) {
    if (std::string token = trimmed(variable(name)); !token.empty()) return token;
  }
  const std::string path = variable("HF_TOKEN_PATH");
  std::ifstream file(path.empty() ? home / "token" : expanded(path));
  std::string line;
  std::getline(file, line);
  return trimmed(line);
}

bool is_true(std::string value) {
  std::transform(value.begin(), value.end(), value.begin(), [](unsigned char c) { return std::toupper(c); });
  return value == "1" || value == "ON" || value == "YES" || value == "TRUE";
}

}  // namespace

HubSettings HubSettings::from_environment() {
  HubSettings settings;
  if (std::string endpoint = trimmed(variable("HF_ENDPOINT")); !endpoint.empty()) {
    while (endpoint.ends_with('/')) endpoint.pop_back();
    check(endpoint.starts_with("https://") || endpoint.starts_with("http://"), ErrorCode::usage,
          "HF_ENDPOINT: '{}' does not begin with https:// or http://", endpoint);
    settings.endpoint = endpoint;
  }
  const fs::path home = home_of_hub();
  std::string cache = variable("HF_HUB_CACHE");
  if (cache.empty()) cache = variable("HUGGINGFACE_HUB_CACHE");
  settings.cache = cache.empty() ? home / "hub" : expanded(cache);
  settings.token = find_token(home);
  // A line break would begin another header.
  check(std::all_of(settings.token.begin(), settings.token.end(), [](unsigned char c) { return c > 0x20 && c < 0x7f; }),
        ErrorCode::usage, "the token of the hub holds characters that no token has; look at HF_TOKEN");
  settings.offline = is_true(variable("HF_HUB_OFFLINE"));
  settings.certificates = expanded(variable("REQUESTS_CA_BUNDLE"));
  return settings;
}

}  // namespace sumi
