#include "weights/folder.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include <fmt/ranges.h>

namespace sumi {
namespace {

namespace fs = std::filesystem;

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

Settings read_index(const fs::path& folder) {
  check(is_there(folder), ErrorCode::not_found, "{}: no such model folder", folder.string());
  std::error_code ignored;
  check(fs::is_directory(folder, ignored), ErrorCode::unsupported,
        "{}: not a folder; expected a model in diffusers layout, with a model_index.json", folder.string());
  const fs::path index = folder / "model_index.json";
  check(is_there(index), ErrorCode::not_found, "{}: no model_index.json there; expected a model in diffusers layout",
        folder.string());
  return Settings(read_json(index), index.string());
}

std::vector<std::string> file_names(const fs::path& folder) {
  std::error_code problem;
  std::vector<std::string> names;
  for (fs::directory_iterator item(folder, problem), end; !problem && item != end; item.increment(problem)) {
    names.push_back(item->path().filename().string());
  }
  check(!problem, problem == std::errc::no_such_file_or_directory ? ErrorCode::not_found : ErrorCode::io,
        "{}: cannot be listed: {}", folder.string(), problem.message());
  std::sort(names.begin(), names.end());
  return names;
}

bool is_safetensors(const std::string& name) { return name.ends_with(".safetensors"); }

/// Weights that Python's pickle or another framework wrote.
bool is_foreign(const std::string& name) {
  constexpr std::array<std::string_view, 6> kEndings{".bin", ".ckpt", ".pt", ".pth", ".msgpack", ".h5"};
  return std::any_of(kEndings.begin(), kEndings.end(), [&](auto ending) { return name.ends_with(ending); });
}

}  // namespace

ModelFolder::ModelFolder(const fs::path& path)
    : ModelFiles(fs::weakly_canonical(path).filename().string(), path, read_index(path)) {}

std::string ModelFolder::absence(std::string_view component) const {
  return is_there(folder(component)) ? "" : "no such folder";
}

fs::path ModelFolder::folder(std::string_view component) const {
  this->component(component);
  return path() / component;
}

std::vector<std::string> ModelFolder::weighted() const {
  std::vector<std::string> names;
  for (const auto& [name, part] : components()) {
    if (!is_there(folder(name))) continue;
    const auto files = file_names(folder(name));
    if (std::any_of(files.begin(), files.end(), is_safetensors)) names.push_back(name);
  }
  return names;
}

Settings ModelFolder::config(std::string_view component) const {
  const fs::path scheduler = folder(component) / "scheduler_config.json";
  const fs::path path = is_there(scheduler) ? scheduler : folder(component) / "config.json";
  return Settings(read_json(path), path.string());
}

CheckpointPtr ModelFolder::weights(std::string_view component) const {
  return open_checkpoint(weight_file(folder(component)).string());
}

std::optional<fs::path> ModelFolder::tokenizer(std::string_view component) const { return folder(component); }

fs::path weight_file(const fs::path& folder) {
  constexpr std::array<std::string_view, 10> kNames{"diffusion_pytorch_model.safetensors",
                                                    "model.safetensors",
                                                    "diffusion_pytorch_model.safetensors.index.json",
                                                    "model.safetensors.index.json",
                                                    "diffusion_pytorch_model.fp16.safetensors",
                                                    "model.fp16.safetensors",
                                                    "diffusion_pytorch_model.safetensors.index.fp16.json",
                                                    "model.safetensors.index.fp16.json",
                                                    "diffusion_pytorch_model.fp16.safetensors.index.json",
                                                    "model.fp16.safetensors.index.json"};
  const std::vector<std::string> files = file_names(folder);
  for (const auto name : kNames) {
    if (std::find(files.begin(), files.end(), name) != files.end()) return folder / name;
  }
  const auto only = std::find_if(files.begin(), files.end(), is_safetensors);
  if (std::count_if(files.begin(), files.end(), is_safetensors) == 1) return folder / *only;
  const auto foreign = std::find_if(files.begin(), files.end(), is_foreign);
  check(foreign == files.end(), ErrorCode::unsupported, "{}: only safetensors are read; convert {} first",
        folder.string(), foreign == files.end() ? "" : *foreign);
  fail(ErrorCode::not_found, "{}: no weights there; expected {} or {}", folder.string(), kNames[0], kNames[1]);
}

}  // namespace sumi
