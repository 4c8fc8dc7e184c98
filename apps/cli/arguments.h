#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>

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

/// An option whose value is a number, parsed strictly. `names` as CLI11 writes them: "-b,--batch".
template <class T>
CLI::Option* add_number(CLI::App& app, const std::string& names, T& to, const std::string& help) {
  return app
      .add_option_function<std::string>(
          names, [&to, names](const std::string& text) { to = parse_number<T>(names, text); }, help)
      ->type_name("N");
}
template <class T>
CLI::Option* add_number(CLI::App& app, const std::string& names, std::optional<T>& to, const std::string& help) {
  return app
      .add_option_function<std::string>(
          names, [&to, names](const std::string& text) { to = parse_number<T>(names, text); }, help)
      ->type_name("N");
}

/// --model, --device, --dtype, --threads and --disable, which every verb that computes has.
void add_engine_options(CLI::App& app, EngineOptions& to);

/// Parses what follows the verb. Prints the help and returns false where that was asked for; Error(usage), one line,
/// for everything else that is not a run.
bool parse(CLI::App& app, std::span<char*> arguments);

}  // namespace sumi::cli
