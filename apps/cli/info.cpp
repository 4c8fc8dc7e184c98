#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "arguments.h"
#include "json.h"
#include "pull.h"
#include "sumi/inspect.h"
#include "terminal.h"
#include "units.h"
#include "verbs.h"

namespace sumi::cli {
namespace {

namespace fs = std::filesystem;

std::string component_row(const ComponentInfo& each) {
  return fmt::format("  {:<16}{:<24}{:>10}{:>11}  {}\n", each.name, each.kind,
                     count_text(static_cast<double>(each.parameters)), bytes_text(each.bytes),
                     fmt::join(each.types, ", "));
}

std::string model_text(const ModelInfo& model) {
  std::string text = model.name + (model.path.empty() ? "" : "  (" + model.path.string() + ")") + "\n\n";
  text += fmt::format("  {:<16}{:<24}{:>10}{:>11}  {}\n", "component", "kind", "parameters", "bytes", "types");
  ComponentInfo total{.name = "total"};
  for (const ComponentInfo& each : model.components) {
    text += component_row(each);
    total.parameters += each.parameters;
    total.bytes += each.bytes;
  }
  text += component_row(total) + "\n";
  const auto add = [&](const char* name, const std::string& value) {
    text += fmt::format("  {:<16}{}\n", name, value);
  };
  add("size", fmt::format("{} x {}", model.width, model.height));
  add("steps", std::to_string(model.steps));
  add("guidance", fmt::format("{}", model.guidance));
  add("sampler", model.sampler);
  add("prediction", model.prediction);
  return text;
}

/// A file whose ending is that of no model.
bool is_picture(const fs::path& path) {
  std::error_code ignored;
  if (!fs::is_regular_file(path, ignored)) return false;
  const std::string ending = path.extension().string();
  constexpr std::array models{".safetensors", ".ckpt", ".pt", ".pth", ".bin"};
  return std::find(models.begin(), models.end(), ending) == models.end();
}

std::string image_text(const fs::path& path, const Image& image) {
  std::string text = fmt::format("{}: {} x {}\n", path.string(), image.width, image.height);
  for (const auto& [key, value] : image.text) text += key == "parameters" ? value + "\n" : key + ": " + value + "\n";
  if (image.text.empty()) text += "no settings are stored in this file\n";
  return text;
}

}  // namespace

void info(std::span<char*> arguments) {
  std::string what, config;
  bool json = false;
  CLI::App app(
      "Tells what a model holds: components, parameters, bytes, types, size, scheduler.\n"
      "Of a picture: the settings that made it.",
      "sumi info");
  app.add_option("-m,--model,MODEL", what, "a model as `sumi generate` takes it, or a .png, .jpg or .webp file")
      ->type_name("MODEL");
  app.add_option("--config", config, "folder in diffusers layout whose configurations a single file takes")
      ->type_name("DIR");
  app.add_flag("--json", json, "one line of JSON");
  app.footer(R"(Examples:
  sumi info                          the model that comes with Sumi
  sumi info /models/sd15
  sumi info downloaded.safetensors
  sumi info a-red-apple-3d-7.png     the settings that made a picture
)");
  if (!parse(app, arguments)) return;

  if (is_picture(what)) {
    const Image image = read_image(what);
    return print(stdout, json ? image_json(what, image) : printable(image_text(what, image)));
  }
  fetch_if_needed({what});
  const ModelInfo model = inspect_model(what, config);
  print(stdout, json ? model_json(model) : printable(model_text(model)));
}

}  // namespace sumi::cli
