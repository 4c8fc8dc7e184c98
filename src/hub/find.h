#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "hub/cache.h"
#include "hub/settings.h"

namespace sumi {

/// Folders that hold models by name: $SUMI_MODELS, then those above the running program (`models` of the source tree,
/// `share/sumi/models` of an installation), then the data folder that the library was configured with. Only those with
/// the embedded model, except $SUMI_MODELS, which need only exist.
std::vector<std::filesystem::path> model_folders();

/// Names of the models in `model_folders`, without repetition: folders, and files of weights.
std::vector<std::string> model_names();

/// Where a model is: a path that exists, a name in `model_folders`, or ORG/NAME[@REV] that is whole in the hub's cache;
/// empty stands for the model that comes with Sumi. Nothing is fetched.
std::optional<std::filesystem::path> locate_model(const std::string& name_or_path);

/// The same, for callers that need it: a folder, or a single file of weights. Error(not_found) with the nearest names
/// that exist, or how to fetch it; Error(unsupported) for a file of another kind.
std::filesystem::path find_model(const std::string& name_or_path);

/// ORG/NAME[@REV] that means a model of a hub and no path with a slip: there is no folder ORG here or among the model
/// folders.
std::optional<HubName> hub_name_of(const std::string& name_or_path);

/// What the cache has of a hub's model, whole or not.
std::optional<Snapshot> cached_snapshot(const HubName& name, const HubSettings& settings);

}  // namespace sumi
