#include "weights/checkpoint.h"

#include <filesystem>
#include <set>
#include <utility>
#include <vector>

#include <fmt/ranges.h>

#include "core/json.h"
#include "core/paths.h"
#include "core/settings.h"
#include "weights/pickled.h"
#include "weights/safetensors.h"

namespace sumi {

namespace fs = std::filesystem;

SourcePtr Checkpoint::find(std::string_view name) const {
  const auto found = tensors_.find(name);
  return found == tensors_.end() ? nullptr : found->second;
}

SourcePtr Checkpoint::want(std::string_view name, const Shape&) { return find(name); }

SourcePtr Checkpoint::add(std::string_view name, SourcePtr source) {
  return tensors_.emplace(name, std::move(source)).first->second;
}

namespace {

bool is_weights(const std::string& name) { return name.ends_with(".safetensors") || name.ends_with(".bin"); }

TensorMap read_tensors(const fs::path& path) { return is_pickled(path) ? read_pickled(path) : read_safetensors(path); }

/// Tensor names and the file of each, from the index of a checkpoint in several files.
std::map<std::string, std::string> weight_map_of(const fs::path& index) {
  const Settings settings(read_json(index), index.string());
  const Json& map = settings.at("weight_map");
  if (!map.is_object()) settings.reject("weight_map", "expected an object of file names");
  std::map<std::string, std::string> files;
  for (const auto& [name, file] : map.items()) {
    // The index comes with the model: it must not lead out of the model's folder.
    const bool plain = file.is_string() && fs::path(file.get<std::string>()).filename() == file.get<std::string>() &&
                       is_weights(file.get_ref<const std::string&>());
    if (!plain) {
      settings.reject("weight_map", "'{}' lies in {}, expected the name of a .safetensors or .bin file", name,
                      file.dump());
    }
    files.emplace(name, file.get<std::string>());
  }
  return files;
}

TensorMap read_shards(const fs::path& index) {
  const auto places = weight_map_of(index);
  std::set<std::string> files;
  for (const auto& [name, file] : places) files.insert(file);
  std::map<std::string, TensorMap> shards;
  std::vector<std::string> missing;
  for (const auto& file : files) {
    const fs::path path = index.parent_path() / file;
    if (is_there(path)) {
      shards.emplace(file, read_tensors(path));
    } else {
      missing.push_back(file);
    }
  }
  check(missing.empty(), ErrorCode::bad_file, "{}: missing beside it: {}", index.string(), fmt::join(missing, ", "));

  TensorMap tensors;
  for (const auto& [name, file] : places) {
    auto found = shards.at(file).extract(name);
    if (found) {
      tensors.insert(std::move(found));
    } else {
      missing.push_back(fmt::format("{} ({})", name, file));
    }
  }
  check(missing.empty(), ErrorCode::bad_file, "{}: tensors that are not in the files it names: {}", index.string(),
        fmt::join(missing, ", "));
  return tensors;
}

}  // namespace

CheckpointPtr open_checkpoint(const std::string& path) {
  return std::make_shared<Checkpoint>(path, path.ends_with(".json") ? read_shards(path) : read_tensors(path));
}

WeightCount count_weights(const Checkpoint& checkpoint) {
  WeightCount count;
  for (const auto& [name, source] : checkpoint.tensors()) {
    const std::int64_t n = source->shape().elements();
    count.parameters += n;
    count.bytes += n * static_cast<std::int64_t>(bytes_of(source->stored()));
    count.parameters_by_type[source->stored()] += n;
  }
  return count;
}

}  // namespace sumi
