#include "backend/cuda/plan_file.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>

#include "core/atomic_file.h"
#include "core/check.h"
#include "core/json.h"
#include "core/paths.h"

namespace sumi::cuda {
namespace {

namespace fs = std::filesystem;
using Bytes = std::vector<std::byte>;

/// Up to 0.2 MB for each of a model's hundred cases, those that cuDNN compiled, and several models. One that outgrew it
/// starts anew.
constexpr std::size_t most_bytes = std::size_t{128} << 20;

std::string hexadecimal(std::span<const std::byte> bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  text.reserve(2 * bytes.size());
  for (const std::byte each : bytes) {
    text += digits[std::to_integer<std::size_t>(each >> 4)];
    text += digits[std::to_integer<std::size_t>(each & std::byte{15})];
  }
  return text;
}

std::optional<Bytes> from_hexadecimal(std::string_view text) {
  const auto value_of = [](char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
  };
  if (text.size() % 2 != 0) return std::nullopt;
  Bytes bytes;
  bytes.reserve(text.size() / 2);
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const int high = value_of(text[i]), low = value_of(text[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    bytes.push_back(static_cast<std::byte>(16 * high + low));
  }
  return bytes;
}

fs::path user_caches() {
  const auto folder = [](const char* variable, const char* below) {
    const char* value = std::getenv(variable);
    return value && *value == '/' ? fs::path(value) / below : fs::path();
  };
  const fs::path given = folder("XDG_CACHE_HOME", "");
  return given.empty() ? folder("HOME", ".cache") : given;
}

}  // namespace

PlanFile::PlanFile(fs::path path, std::string machine) : path_(std::move(path)), machine_(std::move(machine)) {
  plans_ = read();
}

PlanFile::~PlanFile() { save(); }

std::optional<Bytes> PlanFile::find(const std::string& key) const {
  const std::lock_guard lock(mutex_);
  const auto found = plans_.find(key);
  return found == plans_.end() ? std::nullopt : std::optional(found->second);
}

void PlanFile::keep(const std::string& key, std::span<const std::byte> bytes) {
  const std::lock_guard lock(mutex_);
  plans_[key] = unsaved_[key] = Bytes(bytes.begin(), bytes.end());
}

void PlanFile::save() {
  const std::lock_guard lock(mutex_);
  if (path_.empty() || unsaved_.empty()) return;
  try {
    Plans all = read();
    for (const auto& [key, bytes] : unsaved_) all[key] = bytes;
    write(all);
    unsaved_.clear();
  } catch (const std::exception&) {  // a full disk, a folder of someone else
  }
}

PlanFile::Plans PlanFile::read() const {
  Plans plans;
  if (path_.empty()) return plans;
  try {
    const Json file = read_json(path_, most_bytes);
    if (file.at("machine") != machine_) return plans;
    for (const auto& [key, value] : file.at("plans").items()) {
      if (auto bytes = from_hexadecimal(value.get<std::string>())) plans.emplace(key, std::move(*bytes));
    }
  } catch (const std::exception&) {
    plans.clear();
  }
  return plans;
}

void PlanFile::write(const Plans& plans) const {
  Json file{{"machine", machine_}, {"plans", Json::object()}};
  for (const auto& [key, bytes] : plans) file["plans"][key] = hexadecimal(bytes);
  const std::string text = file.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
  std::error_code ignored;
  fs::create_directories(path_.parent_path(), ignored);
  write_whole_file(path_, std::as_bytes(std::span(text)));
}

fs::path plan_file_path(std::string_view device) {
  const fs::path caches = user_caches();
  if (caches.empty()) return {};
  std::string name(device);
  std::replace_if(
      name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) == 0; }, '-');
  return caches / "sumi" / ("cuda-" + name + ".json");
}

}  // namespace sumi::cuda
