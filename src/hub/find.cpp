#include "hub/find.h"

#include <algorithm>
#include <cstdlib>
#include <system_error>

#include <fmt/ranges.h>

#include "core/check.h"
#include "core/nearest.h"
#include "core/paths.h"

namespace sumi {
namespace {

namespace fs = std::filesystem;

constexpr const char* kVariable = "SUMI_MODELS";
constexpr const char* kEmbedded = "emoji";
constexpr int kMostLevels = 6;  // a test program of the build tree lies five below the repository's root

bool is_model_folder(const fs::path& folder) { return is_file(folder / "model_index.json"); }
bool is_weight_file(const fs::path& path) { return is_weight_name(path.filename().string()) && is_file(path); }
bool is_model(const fs::path& path) { return is_model_folder(path) || is_weight_file(path); }

/// Names in a folder of what `fits`. A folder that cannot be read has none.
std::vector<std::string> names_in(const fs::path& folder, bool (*fits)(const fs::path&)) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    if (fits(entry->path())) names.push_back(entry->path().filename().string());
  }
  return names;
}

/// Paths that somebody may have meant: those whose name is near in the innermost folder of the path that exists.
std::vector<std::string> near_paths(const std::string& wanted) {
  fs::path known, rest = fs::path(wanted).lexically_normal();
  if (rest.filename().empty()) rest = rest.parent_path();  // a trailing slash
  auto part = rest.begin();
  while (part != rest.end() && is_folder(known / *part)) known /= *part++;
  if (part == rest.end()) return {};
  const auto fits = [](const fs::path& path) { return is_folder(path) || is_weight_file(path); };
  std::vector<std::string> near;
  for (const std::string& name : nearest_names(part->string(), names_in(known.empty() ? "." : known, fits))) {
    near.push_back((known / name).string());
  }
  return near;
}

std::string suggestions(const std::string& wanted) {
  std::vector<std::string> names = model_names();
  for (const HubName& each : cached_models(HubSettings::from_environment().cache)) names.push_back(each.id());
  std::vector<std::string> near = nearest_names(wanted, names);
  for (std::string& path : near_paths(wanted)) near.push_back(std::move(path));
  return did_you_mean(near);
}

[[noreturn]] void fail_for_hub(const HubName& name, const std::string& wanted) {
  const auto snapshot = cached_snapshot(name, HubSettings::from_environment());
  check(!snapshot || snapshot->candidates.empty(), ErrorCode::not_found,
        "{} holds several models: {}; name one by its path, in {}", wanted,
        snapshot ? fmt::format("{}", fmt::join(snapshot->candidates, ", ")) : "",
        snapshot ? snapshot->path.string() : "");
  const std::string state = snapshot
                                ? fmt::format("{} in the cache lacks {}", wanted, fmt::join(snapshot->missing, ", "))
                                : fmt::format("there is no model '{}' here", wanted);
  fail(ErrorCode::not_found, "{}; `sumi pull {}` fetches it from the hub{}", state, wanted,
       snapshot ? "" : suggestions(wanted));
}

}  // namespace

std::vector<fs::path> model_folders() {
  std::vector<fs::path> folders;
  const auto add = [&](const fs::path& folder) {
    if (std::find(folders.begin(), folders.end(), folder) == folders.end()) folders.push_back(folder);
  };
  if (const char* given = std::getenv(kVariable); given && is_folder(given)) add(given);
  std::error_code error;
  fs::path above = fs::read_symlink("/proc/self/exe", error).parent_path();
  for (int level = 0; level < kMostLevels && !error && above.has_relative_path(); ++level) {
    for (const char* place : {"models", "share/sumi/models"}) {
      if (is_model_folder(above / place / kEmbedded)) add(above / place);
    }
    above = above.parent_path();
  }
  if (const fs::path installed = fs::path(SUMI_DATA_DIR) / "models"; is_model_folder(installed / kEmbedded)) {
    add(installed);
  }
  return folders;
}

std::vector<std::string> model_names() {
  std::vector<std::string> names;
  for (const fs::path& folder : model_folders()) {
    for (std::string& name : names_in(folder, is_model)) names.push_back(std::move(name));
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

std::optional<HubName> hub_name_of(const std::string& name_or_path) {
  auto name = parse_hub_name(name_or_path);
  if (!name || is_folder(name->owner)) return std::nullopt;
  for (const fs::path& folder : model_folders()) {
    if (is_folder(folder / name->owner)) return std::nullopt;
  }
  return name;
}

std::optional<Snapshot> cached_snapshot(const HubName& name, const HubSettings& settings) {
  const RepositoryCache cache(settings.cache, name);
  const auto commit = cache.commit_of(name.revision);
  if (!commit || !is_folder(cache.snapshot(*commit))) return std::nullopt;
  return look_at(cache.snapshot(*commit));
}

std::optional<fs::path> locate_model(const std::string& name_or_path) {
  const bool embedded = name_or_path.empty();
  if (!embedded && (is_folder(name_or_path) || is_weight_file(name_or_path))) return name_or_path;
  for (const fs::path& folder : model_folders()) {
    if (fs::path model = folder / (embedded ? kEmbedded : name_or_path); is_model(model)) return model;
  }
  const auto name = parse_hub_name(name_or_path);
  if (!name) return std::nullopt;
  const auto snapshot = cached_snapshot(*name, HubSettings::from_environment());
  return snapshot && snapshot->missing.empty() ? std::optional(snapshot->path) : std::nullopt;
}

fs::path find_model(const std::string& name_or_path) {
  if (auto found = locate_model(name_or_path)) return *found;
  check(!name_or_path.empty(), ErrorCode::not_found,
        "the model that comes with Sumi is not beside the program: set {} to the folder that has '{}'", kVariable,
        kEmbedded);
  check(!is_there(name_or_path), ErrorCode::unsupported,
        "{} is no model: expected a folder with a model_index.json, or a .safetensors or .ckpt file", name_or_path);
  if (const auto name = hub_name_of(name_or_path)) fail_for_hub(*name, name_or_path);
  fail(ErrorCode::not_found, "there is no model '{}'{}", name_or_path, suggestions(name_or_path));
}

}  // namespace sumi
