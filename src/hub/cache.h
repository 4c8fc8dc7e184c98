#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "hub/answer.h"
#include "hub/choose.h"
#include "hub/name.h"

namespace sumi {

/// One repository in the cache, in the layout of the hub's own library: `blobs/DIGEST`, `refs/REVISION` with a commit
/// in it, `snapshots/COMMIT/PATH` as relative links to blobs, and `../.locks/models--org--name/DIGEST.lock`.
class RepositoryCache {
 public:
  RepositoryCache(const std::filesystem::path& cache, const HubName& name);

  const std::filesystem::path& folder() const { return folder_; }
  std::filesystem::path blob(const std::string& digest) const { return folder_ / "blobs" / digest; }
  std::filesystem::path lock(const std::string& digest) const { return locks_ / (digest + ".lock"); }
  std::filesystem::path snapshot(const std::string& commit) const { return folder_ / "snapshots" / commit; }

  /// What a revision stood for when it was last fetched: of a commit itself where there is a snapshot of it.
  std::optional<std::string> commit_of(const std::string& revision) const;
  /// Of every snapshot, in no order.
  std::vector<std::string> commits() const;
  /// Every revision that stands for something, with its commit.
  std::vector<std::pair<std::string, std::string>> revisions() const;
  /// Of downloads that are not finished.
  std::uint64_t half_fetched_bytes() const;

  // Error(io) that names the file and the system's reason.
  void link(const std::string& commit, const HubFile& file) const;
  void write_revision(const std::string& revision, const std::string& commit) const;

 private:
  std::filesystem::path folder_, locks_;
};

/// A model in one snapshot.
struct Snapshot {
  std::filesystem::path path;      ///< the folder, or the single file that is the model
  std::vector<std::string> files;  ///< that are there, relative to the folder
  std::uint64_t bytes = 0;
  std::vector<std::string> missing, candidates;  ///< as Choice
};

/// Error(bad_file) where its model_index.json is broken.
Snapshot look_at(const std::filesystem::path& folder);

/// Every repository of models in the cache.
std::vector<HubName> cached_models(const std::filesystem::path& cache);

/// The folders above `path` are made. Error(io).
void make_folders_above(const std::filesystem::path& path);

}  // namespace sumi
