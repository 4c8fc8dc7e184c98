#include "weights/folder.h"

#include <algorithm>
#include <initializer_list>
#include <string_view>
#include <vector>

#include <fmt/ranges.h>

#include "core/json.h"
#include "core/paths.h"

namespace sumi {
namespace {

namespace fs = std::filesystem;

Settings read_index(const fs::path& folder) {
  check(is_there(folder), ErrorCode::not_found, "{}: no such model folder", folder.string());
  check(is_folder(folder), ErrorCode::unsupported,
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

bool is_one_of(const std::string& name, std::initializer_list<std::string_view> endings) {
  return std::any_of(endings.begin(), endings.end(), [&](auto ending) { return name.ends_with(ending); });
}
bool is_safetensors(const std::string& name) { return is_one_of(name, {".safetensors"}); }
bool is_pickle(const std::string& name) { return is_one_of(name, {".bin", ".ckpt", ".pt", ".pth"}); }
/// Weights that another framework wrote.
bool is_foreign(const std::string& name) { return is_one_of(name, {".msgpack", ".h5", ".onnx", ".ot"}); }

/// The names that a component's weights may have, the best first: safetensors before pickles, full precision before
/// half, one file before several.
std::vector<std::string> weight_names() {
  std::vector<std::string> names;
  for (const std::string ending : {".safetensors", ".bin"}) {
    for (const std::string variant : {"", ".fp16", ".bf16", ".non_ema"}) {
      for (const std::string format :
           {"{stem}{variant}{ending}", "{stem}{ending}.index{variant}.json", "{stem}{variant}{ending}.index.json"}) {
        for (const std::string stem : {"diffusion_pytorch_model", "model", "pytorch_model"}) {
          names.push_back(fmt::format(fmt::runtime(format), fmt::arg("stem", stem), fmt::arg("variant", variant),
                                      fmt::arg("ending", ending)));
        }
      }
    }
  }
  return names;
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
    const auto is_weights = [](const std::string& file) { return is_safetensors(file) || is_pickle(file); };
    if (std::any_of(files.begin(), files.end(), is_weights)) names.push_back(name);
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
  const std::vector<std::string> files = file_names(folder);
  for (const auto& name : weight_names()) {
    if (std::find(files.begin(), files.end(), name) != files.end()) return folder / name;
  }
  for (const auto kind : {is_safetensors, is_pickle}) {
    if (std::count_if(files.begin(), files.end(), kind) != 1) continue;
    return folder / *std::find_if(files.begin(), files.end(), kind);
  }
  const auto foreign = std::find_if(files.begin(), files.end(), is_foreign);
  check(foreign == files.end(), ErrorCode::unsupported, "{}: only safetensors and files of PyTorch are read, not {}",
        folder.string(), foreign == files.end() ? "" : *foreign);
  fail(ErrorCode::not_found, "{}: no weights there; expected diffusion_pytorch_model.safetensors or model.safetensors",
       folder.string());
}

}  // namespace sumi
