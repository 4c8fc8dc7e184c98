#include "hub/pull.h"

#include "hub/find.h"
#include "hub/stored.h"

namespace sumi {

PullResult pull(const PullOptions& options) { return pull(options, HubSettings::from_environment()); }

bool needs_pull(const std::string& model) {
  const auto name = hub_name_of(model);
  if (!name || locate_model(model)) return false;
  // Of several files there the user has to choose.
  const auto snapshot = cached_snapshot(*name, HubSettings::from_environment());
  return !snapshot || snapshot->candidates.empty();
}

std::vector<StoredModel> stored_models() { return stored_models(HubSettings::from_environment()); }

}  // namespace sumi
