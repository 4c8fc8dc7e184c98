#include "weights/model_files.h"

#include <algorithm>
#include <utility>

#include <fmt/ranges.h>

#include "core/json.h"

namespace sumi {
namespace {

/// The name is used as a folder's: it must not lead out of the model.
bool is_plain(const std::string& name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

/// Components are pairs of library and class, null where there is none; everything else is a setting of the pipeline.
Components components_of(const Settings& index) {
  Components components;
  for (const auto& [name, value] : index.json().items()) {
    if (!value.is_array() || value.size() != 2 || !value[0].is_string() || !value[1].is_string()) continue;
    check(is_plain(name), ErrorCode::bad_file, "{}: '{}' is not the name of a component", index.where(), name);
    components.emplace(name, Component{value[0].get<std::string>(), value[1].get<std::string>()});
  }
  return components;
}

}  // namespace

ModelFiles::ModelFiles(std::string name, std::filesystem::path path, Settings index)
    : name_(std::move(name)),
      path_(std::move(path)),
      index_(std::move(index)),
      pipeline_(index_.text("_class_name", "")),
      components_(components_of(index_)) {}

const Component& ModelFiles::component(std::string_view name) const {
  const auto found = components_.find(name);
  if (found != components_.end()) return found->second;
  std::vector<std::string> names;
  for (const auto& [known, part] : components_) names.push_back(known);
  fail(ErrorCode::bad_model, "{}: no {}; the model has {}", index_.where(), name,
       names.empty() ? "no components" : fmt::format("{}", fmt::join(names, ", ")));
}

void ModelFiles::require(const std::vector<std::string_view>& names) const {
  std::vector<std::string> problems;
  for (const auto name : names) {
    const std::string problem = has(name) ? absence(name) : "not in model_index.json";
    if (!problem.empty()) problems.push_back(fmt::format("{} ({})", name, problem));
  }
  check(problems.empty(), ErrorCode::bad_model, "{}: missing {}", path_.empty() ? name_ : path_.string(),
        fmt::join(problems, ", "));
}

}  // namespace sumi
