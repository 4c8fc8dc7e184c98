#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "sumi/error.h"

namespace sumi {

/// Where a pull is. Called on the thread that called `pull`, some ten times a second.
struct PullProgress {
  std::size_t files_done = 0, files = 0;    ///< that the model needs, those in the cache already included
  std::uint64_t bytes_done = 0, bytes = 0;  ///< of all of them
  double bytes_per_second = 0;              ///< over the last seconds; 0 before anything came
  bool waiting = false;                     ///< for another program that fetches the same files
};

/// Which files of which model.
struct PullOptions {
  std::string model;  ///< "ORG/NAME", or "ORG/NAME@REV" with a branch, a tag or a commit; without: "main"
  /// Patterns of the shell over whole paths, where `*` matches `/` too: exactly these files instead of those that the
  /// model needs. A pattern that ends with `/` stands for all that lies in that folder.
  std::vector<std::string> include;
  /// Of weights that are there several times, as in `model.fp16.safetensors`; empty: those without a variant first.
  std::string variant;
  std::function<void(const PullProgress&)> progress;
  const std::atomic<bool>* stop = nullptr;  ///< set to true from anywhere: ends with Error(cancelled); can be resumed
};

struct PullResult {
  std::filesystem::path path;  ///< of the model as EngineOptions::model takes it: a folder, or a single file
  std::string commit;
  std::size_t files = 0;
  std::uint64_t bytes = 0, fetched_bytes = 0;  ///< of all files; of what was not in the cache
  std::vector<std::string> notes;              ///< one line each: what was left out that the user may want
};

/// Fetches a model from a hub that speaks the Hugging Face protocol into the cache that the field's programs share:
/// $HF_HUB_CACHE, else $HF_HOME/hub, else ~/.cache/huggingface/hub. $HF_ENDPOINT is the hub, $HF_TOKEN or $ACCESS_TOKEN
/// or the file $HF_HOME/token the token, which no other host gets to see. Only what the model needs comes: safetensors
/// before pickles, one variant, no root-level checkpoint beside a folder layout. What was cut off is resumed, every
/// file is checked by size and SHA-256 (small ones by git's SHA-1) and appears whole or not at all, and programs that
/// fetch the same model wait for each other. With $HF_HUB_OFFLINE nothing is asked: a model that is there is returned.
/// Error(usage) for a malformed name, Error(not_found), Error(bad_file) for an answer or file that is not what it
/// should be, Error(unsupported), Error(io) for the disk and the network, Error(cancelled).
PullResult pull(const PullOptions& options);

/// True for ORG/NAME[@REV] that is no path, not in the model folders and not whole in the cache.
bool needs_pull(const std::string& model);

/// A model in a model folder or in the cache.
struct StoredModel {
  std::string name;                    ///< as EngineOptions::model takes it: "emoji", "ORG/NAME"
  std::vector<std::string> revisions;  ///< of the cache: branches and tags that stand for it
  std::string commit;                  ///< of the cache
  std::filesystem::path path;
  std::uint64_t bytes = 0;  ///< on the disk, half-fetched files included
  std::string missing;      ///< what an incomplete one lacks, in words; empty for a complete one
};

/// Everything in the model folders and in the cache, by name.
std::vector<StoredModel> stored_models();

}  // namespace sumi
