#include "hub/cache.h"

#include <algorithm>
#include <fstream>
#include <unistd.h>

#include "core/atomic_file.h"
#include "core/json.h"
#include "core/paths.h"

namespace sumi {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrefix = "models--", kBetween = "--";

/// Paths of the files below a folder, links to files among them, relative to it and sorted. What cannot be read is
/// left out.
std::vector<std::string> files_below(const fs::path& folder) {
  std::vector<std::string> files;
  std::error_code problem;
  fs::recursive_directory_iterator item(folder, fs::directory_options::skip_permission_denied, problem), end;
  for (; !problem && item != end; item.increment(problem)) {
    if (is_file(item->path())) files.push_back(item->path().lexically_relative(folder).generic_string());
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code problem;
  for (fs::directory_iterator item(folder, problem), end; !problem && item != end; item.increment(problem)) {
    names.push_back(item->path().filename().string());
  }
  return names;
}

std::string first_word(const fs::path& path) {
  std::ifstream file(path);
  std::string word;
  file.width(200);  // of a commit 40 are needed
  file >> word;
  return word;
}

[[noreturn]] void refuse(const fs::path& path, const std::error_code& problem) {
  fail(ErrorCode::io, "cannot write {}: {}", path.string(), problem.message());
}

}  // namespace

RepositoryCache::RepositoryCache(const fs::path& cache, const HubName& name) {
  const std::string folder = fmt::format("{}{}{}{}", kPrefix, name.owner, kBetween, name.name);
  folder_ = cache / folder;
  locks_ = cache / ".locks" / folder;
}

std::optional<std::string> RepositoryCache::commit_of(const std::string& revision) const {
  if (is_commit(revision) && is_folder(snapshot(revision))) return revision;
  const std::string commit = first_word(folder_ / "refs" / revision);
  return is_commit(commit) ? std::optional(commit) : std::nullopt;
}

std::vector<std::string> RepositoryCache::commits() const {
  std::vector<std::string> commits = names_in(folder_ / "snapshots");
  std::erase_if(commits, [](const std::string& name) { return !is_commit(name); });
  return commits;
}

std::vector<std::pair<std::string, std::string>> RepositoryCache::revisions() const {
  std::vector<std::pair<std::string, std::string>> found;
  for (const std::string& revision : files_below(folder_ / "refs")) {
    if (const auto commit = commit_of(revision)) found.emplace_back(revision, *commit);
  }
  return found;
}

std::uint64_t RepositoryCache::half_fetched_bytes() const {
  std::uint64_t bytes = 0;
  for (const std::string& name : names_in(folder_ / "blobs")) {
    std::error_code problem;
    const auto size = fs::file_size(folder_ / "blobs" / name, problem);
    if (name.ends_with(".incomplete") && !problem) bytes += size;
  }
  return bytes;
}

void RepositoryCache::link(const std::string& commit, const HubFile& file) const {
  const fs::path place = snapshot(commit) / file.path;
  const fs::path target = blob(file.digest).lexically_relative(place.parent_path());
  std::error_code problem;
  if (fs::read_symlink(place, problem) == target && !problem) return;
  make_folders_above(place);
  // Made beside and renamed: whoever looks sees the old one or the new one.
  const fs::path made = place.parent_path() / fmt::format(".sumi-{}.link", ::getpid());
  fs::remove(made, problem);
  fs::create_symlink(target, made, problem);
  if (!problem) fs::rename(made, place, problem);
  if (problem) refuse(place, problem);
}

void RepositoryCache::write_revision(const std::string& revision, const std::string& commit) const {
  const fs::path path = folder_ / "refs" / revision;
  if (revision == commit || first_word(path) == commit) return;
  make_folders_above(path);
  write_whole_file(path, std::as_bytes(std::span(commit)));
}

Snapshot look_at(const fs::path& folder) {
  Snapshot snapshot{.path = folder, .files = files_below(folder)};
  std::optional<Settings> index;
  const fs::path index_path = folder / "model_index.json";
  if (is_file(index_path)) index.emplace(read_json(index_path), index_path.string());
  Choice choice = choose_files(snapshot.files, index);
  if (!choice.single.empty()) snapshot.path = folder / choice.single;
  for (const std::string& file : snapshot.files) {
    std::error_code problem;
    const auto size = fs::file_size(folder / file, problem);
    if (!problem) snapshot.bytes += size;
  }
  snapshot.missing = std::move(choice.missing);
  snapshot.candidates = std::move(choice.candidates);
  return snapshot;
}

std::vector<HubName> cached_models(const fs::path& cache) {
  std::vector<HubName> models;
  for (const std::string& name : names_in(cache)) {
    if (!name.starts_with(kPrefix)) continue;
    const std::size_t between = name.find(kBetween, kPrefix.size());
    if (between == name.npos) continue;
    const std::string owner = name.substr(kPrefix.size(), between - kPrefix.size());
    if (auto model = parse_hub_name(owner + "/" + name.substr(between + kBetween.size()))) models.push_back(*model);
  }
  std::sort(models.begin(), models.end(), [](const HubName& a, const HubName& b) { return a.id() < b.id(); });
  return models;
}

void make_folders_above(const fs::path& path) {
  std::error_code problem;
  fs::create_directories(path.parent_path(), problem);
  if (problem) refuse(path.parent_path(), problem);
}

}  // namespace sumi
