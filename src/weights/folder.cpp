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

/// The name is used as a folder's: it must not lead out of the model.
bool is_plain(const std::string& name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

/// Components are pairs of library and class, null where there is none; everything else is a setting of the pipeline.
std::map<std::string, Component, std::less<>> components_of(const Settings& index, const fs::path& folder) {
  std::map<std::string, Component, std::less<>> components;
  for (const auto& [name, value] : index.json().items()) {
    if (!value.is_array() || value.size() != 2 || !value[0].is_string() || !value[1].is_string()) continue;
    check(is_plain(name), ErrorCode::bad_file, "{}: '{}' is not the name of a component", index.where(), name);
    components.emplace(name, Component{value[0].get<std::string>(), value[1].get<std::string>(), folder / name});
  }
  return components;
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

/// Weights that Python's pickle or another framework wrote.
bool is_foreign(const std::string& name) {
  constexpr std::array<std::string_view, 6> kEndings{".bin", ".ckpt", ".pt", ".pth", ".msgpack", ".h5"};
  return std::any_of(kEndings.begin(), kEndings.end(), [&](auto ending) { return name.ends_with(ending); });
}

}  // namespace

ModelFolder::ModelFolder(fs::path path)
    : path_(std::move(path)),
      index_(read_index(path_)),
      pipeline_(index_.text("_class_name", "")),
      components_(components_of(index_, path_)) {}

const Component& ModelFolder::component(std::string_view name) const {
  const auto found = components_.find(name);
  if (found != components_.end()) return found->second;
  std::vector<std::string> names;
  for (const auto& [known, part] : components_) names.push_back(known);
  fail(ErrorCode::bad_model, "{}: no {}; the model has {}", index_.where(), name,
       names.empty() ? "no components" : fmt::format("{}", fmt::join(names, ", ")));
}

void ModelFolder::require(std::initializer_list<std::string_view> names) const {
  std::vector<std::string> problems;
  for (const auto name : names) {
    if (!has(name)) {
      problems.push_back(fmt::format("{} (not in model_index.json)", name));
    } else if (!is_there(component(name).folder)) {
      problems.push_back(fmt::format("{} (no such folder)", name));
    }
  }
  check(problems.empty(), ErrorCode::bad_model, "{}: missing {}", path_.string(), fmt::join(problems, ", "));
}

Settings ModelFolder::config(std::string_view name) const {
  const fs::path& folder = component(name).folder;
  const fs::path scheduler = folder / "scheduler_config.json";
  const fs::path path = is_there(scheduler) ? scheduler : folder / "config.json";
  return Settings(read_json(path), path.string());
}

CheckpointPtr ModelFolder::weights(std::string_view name) const {
  return open_checkpoint(weight_file(component(name).folder).string());
}

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
  const auto is_safetensors = [](const std::string& name) { return name.ends_with(".safetensors"); };
  const auto only = std::find_if(files.begin(), files.end(), is_safetensors);
  if (std::count_if(files.begin(), files.end(), is_safetensors) == 1) return folder / *only;
  const auto foreign = std::find_if(files.begin(), files.end(), is_foreign);
  check(foreign == files.end(), ErrorCode::unsupported, "{}: only safetensors are read; convert {} first",
        folder.string(), foreign == files.end() ? "" : *foreign);
  fail(ErrorCode::not_found, "{}: no weights there; expected {} or {}", folder.string(), kNames[0], kNames[1]);
}

}  // namespace sumi
