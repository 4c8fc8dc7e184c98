#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace sumi {

/// Folders that hold models by name: $SUMI_MODELS, then those above the running program (`models` of the source tree,
/// `share/sumi/models` of an installation), then the data folder that the library was configured with. Only those with
/// the embedded model, except $SUMI_MODELS, which need only exist.
std::vector<std::filesystem::path> model_folders();

/// Names of the models in `model_folders`, without repetition.
std::vector<std::string> model_names();

/// The folder of a model: the path of one, or a name in `model_folders`; empty stands for the model that comes with
/// Sumi. Error(not_found) with the nearest names that exist, Error(unsupported) for a single file.
std::filesystem::path find_model(const std::string& name_or_path);

}  // namespace sumi
