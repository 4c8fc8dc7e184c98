#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/settings.h"

namespace sumi {

/// The files of a repository that its model needs.
struct Choice {
  std::vector<std::string> files;
  std::string single;  ///< the one of `files` that is the whole model, where there is no layout of folders
  std::vector<std::string> left_out;    ///< weights that a model works without: "safety_checker"
  std::vector<std::string> missing;     ///< what the model needs and the repository lacks, in words
  std::vector<std::string> candidates;  ///< single files of which nobody chose one; `files` is empty then
};

/// Chooses from all `names` of a repository. With `index`, its model_index.json: of each component that it names the
/// small files and one set of weights, safetensors before pickles, those of `variant` before those without one and
/// those before `fp16`; sharded ones with all shards and their index. Without: the weights beside a root-level
/// config.json, or the one single-file checkpoint with its .yaml.
Choice choose_files(const std::vector<std::string>& names, const std::optional<Settings>& index,
                    const std::string& variant = "");

/// The names that match one of the patterns, as PullOptions::include tells.
std::vector<std::string> match_files(const std::vector<std::string>& names, const std::vector<std::string>& patterns);

/// Whether a file alone may be a model, by its ending: .safetensors, .ckpt and other pickles.
bool is_weight_name(const std::string& name);

}  // namespace sumi
