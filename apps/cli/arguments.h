#pragma once

#include <algorithm>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "sumi/engine.h"

namespace sumi::cli {

template <class... Args>
[[noreturn]] void refuse(fmt::format_string<Args...> text, Args&&... args) {
  throw Error(ErrorCode::usage, fmt::format(text, std::forward<Args>(args)...));
}

/// The whole of `text` as a finite number of type T (int, double or std::uint64_t). Error(usage) that names the option.
template <class T>
T parse_number(std::string_view option, const std::string& text);

/// The options of one group of the help. `name` as CLI11 writes them: "-b,--batch".
class Options {
 public:
  using Text = std::string;
  using Take = std::function<void(const Text&)>;

  Options(CLI::App& app, const char* group = "Options") : app_(app), group_(group) {}

  void text(const char* name, const char* type, const char* help, Take take) {
    app_.add_option_function<Text>(name, std::move(take), help)->type_name(type)->group(group_);
  }
  /// To anything that text can be assigned to.
  template <class T>
    requires std::is_assignable_v<T&, const Text&>
  void text(const char* name, const char* type, const char* help, T& to) {
    text(name, type, help, Take([&to](const Text& text) { to = text; }));
  }
  /// May be said several times.
  void texts(const char* name, const char* type, const char* help, Take take) {
    app_.add_option_function<std::vector<Text>>(
            name,
            [take = std::move(take)](const std::vector<Text>& all) { std::for_each(all.begin(), all.end(), take); },
            help)
        ->type_name(type)
        ->allow_extra_args(false)
        ->group(group_);
  }
  /// Parsed strictly, to an int, a double, a std::uint64_t, or an optional of these.
  template <class T>
  void number(const char* name, T& to, const char* help) {
    text(name, "N", help, [&to, name](const Text& text) { to = parse_number<NumberIn<T>>(name, text); });
  }
  void flag(const char* name, bool& to, const char* help) { app_.add_flag(name, to, help)->group(group_); }

 private:
  template <class T>
  struct Inner {
    using Type = T;
  };
  template <class T>
  struct Inner<std::optional<T>> {
    using Type = T;
  };
  template <class T>
  using NumberIn = typename Inner<T>::Type;

  CLI::App& app_;
  const char* group_;
};

/// Bytes, from "2200M", "3G" (of 1000), "2.1GiB" (of 1024) or a bare number. Error(usage) that names the option.
std::size_t parse_bytes(std::string_view option, const std::string& text);

/// --model, --device, --device-memory, --dtype, --threads and --disable, which every verb that computes has.
void add_engine_options(CLI::App& app, EngineOptions& to);

/// Parses what follows the verb. Prints the help and returns false where that was asked for; Error(usage), one line,
/// for everything else that is not a run.
bool parse(CLI::App& app, std::span<char*> arguments);

}  // namespace sumi::cli
