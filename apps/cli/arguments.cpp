#include "arguments.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <memory>
#include <system_error>

#include "sumi/program.h"
#include "terminal.h"

namespace sumi::cli {
namespace {

/// "-b,--batch" is best known as "--batch".
std::string_view long_name(std::string_view names) { return names.substr(names.find("--")); }

std::vector<std::string> option_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  return names;
}

/// Options by group, each once; whoever reads this knows --help.
class HelpFormatter final : public CLI::Formatter {
 public:
  HelpFormatter() { column_width(28); }

  std::string make_help(const CLI::App* app, std::string, CLI::AppFormatMode) const override {
    std::string text = fmt::format("{}\n\nUsage: {}", app->get_description(), app->get_name());
    for (const CLI::Option* option : app->get_options()) {
      if (!option->get_positional()) continue;
      const std::string name = option->get_name(true, false);
      text += option->get_required() ? fmt::format(" {}", name) : fmt::format(" [{}]", name);
    }
    text += " [OPTIONS]\n";
    for (const std::string& group : app->get_groups()) {
      const auto options = app->get_options([&](const CLI::Option* option) {
        return option->get_group() == group && option->nonpositional() && option != app->get_help_ptr();
      });
      if (!options.empty()) text += make_group(group, false, options);
    }
    return fmt::format("{}\n{}", text, app->get_footer());
  }
  std::string make_option_opts(const CLI::Option* option) const override {
    return option->get_type_name().empty() ? "" : fmt::format(" {}", option->get_type_name());
  }
};

void refuse_rest(const CLI::App& app) {
  const std::vector<std::string> rest = app.remaining();
  for (const std::string& argument : rest) {
    if (argument.size() < 2 || argument[0] != '-') continue;
    const std::string name = argument.substr(0, argument.find('=')), meant = did_you_mean(name, option_names(app));
    if (!meant.empty()) refuse("there is no option {}{}", name, meant);
    refuse("there is no option {}; `{} --help` lists them", name, app.get_name());
  }
  if (!rest.empty()) refuse("unexpected argument '{}'; text with blanks goes in quotes", rest.front());
}

/// "--sampler: 1 required NAME missing" is that it needs a NAME.
std::string in_plain_words(const std::string& problem) {
  constexpr std::string_view kBefore = ": 1 required ", kAfter = " missing";
  const std::size_t at = problem.find(kBefore);
  if (at == std::string::npos || !problem.ends_with(kAfter)) return problem;
  const std::size_t type = at + kBefore.size();
  return fmt::format("{} needs {}", problem.substr(0, at), problem.substr(type, problem.size() - kAfter.size() - type));
}

std::string parse_prediction(const std::string& name) {
  if (name == "epsilon") return name;
  if (name == "v" || name == "v_prediction") return "v_prediction";
  refuse("--prediction: '{}' is not known; there are epsilon and v", name);
}

/// What follows the program's name, the last first, as CLI11 wants it. `--name=` says that a text is empty, where CLI11
/// would go on to take the next word for it.
std::vector<std::string> words_of(std::span<char*> arguments) {
  std::vector<std::string> words;
  bool options = true;
  for (const std::string word : arguments.subspan(1)) {
    options = options && word != "--";
    const bool empty = options && word.starts_with("--") && word.find('=') == word.size() - 1;
    words.push_back(empty ? word.substr(0, word.size() - 1) : word);
    if (empty) words.emplace_back();
  }
  std::reverse(words.begin(), words.end());
  return words;
}

}  // namespace

template <class T>
T parse_number(std::string_view option, const std::string& text) {
  T value{};
  const char* end = text.data() + text.size();
  const auto [stop, problem] = std::from_chars(text.data(), end, value);
  if constexpr (std::is_floating_point_v<T>) {
    if (problem == std::errc{} && stop == end && std::isfinite(value)) return value;
    refuse("{}: '{}' is not a number", long_name(option), text);
  } else {
    if (problem == std::errc{} && stop == end) return value;
    const bool large = problem == std::errc::result_out_of_range && stop == end;
    refuse("{}: '{}' is {}", long_name(option), text,
           large                   ? "too large"
           : std::is_unsigned_v<T> ? "not a whole number from 0 on"
                                   : "not a whole number");
  }
}

template int parse_number(std::string_view, const std::string&);
template double parse_number(std::string_view, const std::string&);
template std::uint64_t parse_number(std::string_view, const std::string&);

std::size_t parse_bytes(std::string_view option, const std::string& text) {
  constexpr std::string_view kUnits = "kMGT";
  constexpr double kMost = 1e15;
  double value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, problem] = std::from_chars(text.data(), end, value, std::chars_format::fixed);
  std::string_view unit(stop, static_cast<std::size_t>(end - stop));
  if (unit.ends_with('B')) unit.remove_suffix(1);
  const double base = unit.size() == 2 && unit.ends_with('i') ? 1024 : 1000;
  if (base == 1024) unit.remove_suffix(1);
  const std::size_t power = unit.empty() ? 0 : unit == "K" ? 1 : kUnits.find(unit) + 1;
  const double bytes = value * std::pow(base, static_cast<double>(power));
  const bool known = problem == std::errc{} && unit.size() <= 1 && (unit.empty() || power > 0);
  if (known && (bytes >= 1 || value == 0) && bytes < kMost) return static_cast<std::size_t>(bytes);
  refuse("{}: '{}' is not a size like 2200M, 3G or 2.1GiB", option, text);
}

void add_engine_options(CLI::App& app, EngineOptions& to) {
  Options options(app, "Model and machine");
  options.text("-m,--model", "MODEL",
               "folder in diffusers layout, safetensors or ckpt file, name of a model that Sumi has,\n"
               "ORG/NAME[@REV] of a hub, or synthetic:sd15, sd21, sdxl, vega, ... for random weights\n"
               "(default: the model that comes with Sumi)",
               to.model);
  options.text("--vae", "PATH", "folder or file of an autoencoder instead of the model's own", to.vae);
  options.text("--config", "DIR", "folder in diffusers layout whose configurations a single file takes", to.config);
  options.text("--prediction", "NAME", "epsilon or v, where the file of a model does not show it",
               [&to](const Options::Text& name) { to.prediction = parse_prediction(name); });
  options.text("--device", "NAME",
               "cpu, cuda or cuda:NUMBER for an NVIDIA GPU, or ref for the plain definition of every op (default cpu)",
               to.device);
  options.text("--device-memory", "SIZE",
               "what weights and activations take of a GPU's memory at most: 2200M, 3G, 2.1GiB; weights that do\n"
               "not fit come from the host's memory as they are needed (default: all that there is)",
               [&to](const Options::Text& text) { to.device_memory = parse_bytes("--device-memory", text); });
  options.text("--dtype", "TYPE",
               "auto, f32, tf32, bf16, f16, int8 or fp8 (default auto: f16 on cuda, on cpu bf16 where the\n"
               "processor multiplies it); int8, on cpu, and fp8, on cuda from Hopper on: the UNet's linears\n"
               "with 8 bits, faster and smaller, a slightly other picture; tf32, on cuda: f32 with products\n"
               "of 10 bits",
               to.dtype);
  options.number("--threads", to.threads, "default: one per core");
  options.texts("--disable", "NAME", "leave out an implementation that `sumi doctor` lists; repeatable",
                [&to](const Options::Text& name) { to.disable.push_back(name); });
}

bool parse(CLI::App& app, std::span<char*> arguments) {
  app.allow_extras();
  app.formatter(std::make_shared<HelpFormatter>());
  // Said twice, the last counts: a command is often made by adding to one that worked. Lists keep all.
  for (CLI::Option* option : app.get_options([](const CLI::Option* each) { return each->get_expected_max() == 1; })) {
    option->take_last();
  }
  try {
    app.parse(words_of(arguments));
  } catch (const CLI::CallForHelp&) {
    print(stdout, app.help());
    return false;
  } catch (const CLI::ParseError& error) {
    refuse("{}; `{} --help` tells more", in_plain_words(error.what()), app.get_name());
  }
  refuse_rest(app);
  return true;
}

}  // namespace sumi::cli
