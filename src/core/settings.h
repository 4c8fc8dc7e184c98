#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "core/check.h"

namespace sumi {

using Json = nlohmann::json;

/// An object of settings read key by key with errors that say where: `unet/config.json: layers_per_block: ...`.
class Settings {
 public:
  /// Error(bad_file) unless `object` is a JSON object.
  Settings(Json object, std::string where);

  bool has(const char* key) const;  ///< present and not null
  const Json& at(const char* key) const;
  const Json& json() const { return *object_; }
  const std::string& where() const { return where_; }

  std::int64_t integer(const char* key, std::int64_t otherwise, std::int64_t least, std::int64_t most) const;
  std::optional<std::int64_t> optional_integer(const char* key, std::int64_t least, std::int64_t most) const;
  double number(const char* key, double otherwise) const;  ///< finite
  bool flag(const char* key, bool otherwise) const;
  std::string text(const char* key, std::string otherwise) const;
  /// One integer (repeated `count` times) or a list of exactly `count`.
  std::vector<std::int64_t> integers(const char* key, std::int64_t otherwise, std::size_t count, std::int64_t least,
                                     std::int64_t most) const;
  std::vector<std::string> texts(const char* key) const;

  template <class... Args>
  [[noreturn]] void reject(const char* key, fmt::format_string<Args...> text, Args&&... args) const {
    fail(ErrorCode::bad_file, "{}: {}: {}", where_, key, fmt::format(text, std::forward<Args>(args)...));
  }

 private:
  std::shared_ptr<const Json> object_;
  std::string where_;
};

}  // namespace sumi
