#include "hub/stored.h"

#include <algorithm>
#include <system_error>

#include <fmt/ranges.h>

#include "core/check.h"
#include "hub/find.h"

namespace sumi {
namespace {

namespace fs = std::filesystem;

/// Without links to folders, which may lead round in circles.
std::uint64_t bytes_below(const fs::path& path) {
  std::error_code problem;
  if (const auto size = fs::file_size(path, problem); !problem) return size;
  std::uint64_t bytes = 0;
  fs::recursive_directory_iterator item(path, fs::directory_options::skip_permission_denied, problem), end;
  for (; !problem && item != end; item.increment(problem)) {
    std::error_code ignored;
    const auto size = fs::file_size(item->path(), ignored);
    if (!ignored) bytes += size;
  }
  return bytes;
}

/// A snapshot whose index is broken lacks a readable one.
Snapshot look_without_error(const fs::path& folder) {
  try {
    return look_at(folder);
  } catch (const Error& error) {
    return {.path = folder, .bytes = bytes_below(folder), .missing = {error.what()}};
  }
}

void add_cached(std::vector<StoredModel>& models, const HubName& name, const HubSettings& settings) {
  const RepositoryCache cache(settings.cache, name);
  const auto revisions = cache.revisions();
  std::vector<std::string> commits = cache.commits();
  std::sort(commits.begin(), commits.end());
  std::uint64_t half = cache.half_fetched_bytes();
  for (const std::string& commit : commits) {
    const Snapshot snapshot = look_without_error(cache.snapshot(commit));
    StoredModel model{.name = name.id(), .commit = commit, .path = snapshot.path, .bytes = snapshot.bytes};
    for (const auto& [revision, stands_for] : revisions) {
      if (stands_for == commit) model.revisions.push_back(revision);
    }
    if (snapshot.candidates.empty()) model.missing = fmt::format("{}", fmt::join(snapshot.missing, ", "));
    models.push_back(std::move(model));
  }
  if (half == 0) return;
  models.push_back({.name = name.id(), .path = cache.folder(), .bytes = half, .missing = "the rest of a download"});
}

}  // namespace

std::vector<StoredModel> stored_models(const HubSettings& settings) {
  std::vector<StoredModel> models;
  for (const std::string& name : model_names()) {
    const auto path = locate_model(name);
    if (path) models.push_back({.name = name, .path = *path, .bytes = bytes_below(*path)});
  }
  for (const HubName& name : cached_models(settings.cache)) add_cached(models, name, settings);
  return models;
}

}  // namespace sumi
