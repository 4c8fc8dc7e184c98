#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "adapters/adapted_checkpoint.h"
#include "adapters/adapter.h"
#include "sumi/request.h"

namespace sumi {

struct AdapterUse {
  AdapterPtr adapter;
  double weight = 1;       ///< of the UNet's changes
  double text_weight = 1;  ///< of the text encoders' changes
  bool operator==(const AdapterUse&) const = default;
};

struct AdapterReport {
  std::size_t changed = 0;             ///< tensors that differ from the file now, or have factors beside them
  std::size_t beside = 0;              ///< tensors with factors beside them
  std::size_t merged = 0;              ///< tensors that hold changes in their values
  std::vector<std::string> unmatched;  ///< "FILE: name", of what matches nothing in the model or does not fit it
};

/// The adapters of a model. What they change is packed again when a run next needs it, from the original file, so that
/// every switch is exact and the last `set` alone counts. In LoraMode::apply, changes that are products of two factors
/// stand beside the weights of linears and convolutions instead: other weights of the same adapters pack only `up`
/// factors again. All else is merged. A weight of 0 is as if the adapter were not there.
class Adapters {
 public:
  /// "unet", "text_encoder" or "text_encoder_2"; after the component's model was built on the checkpoint.
  void add_component(std::string name, std::shared_ptr<AdaptedCheckpoint> checkpoint);

  /// Makes the model what its file holds plus these. Between runs. Error(bad_model) for an adapter of another family of
  /// models, or of which nothing fits; Error(usage) for a weight that is no number. Then nothing has changed.
  AdapterReport set(const std::vector<AdapterUse>& uses, LoraMode mode = LoraMode::merge);

 private:
  struct Last {
    std::vector<AdapterUse> uses;
    LoraMode mode = LoraMode::merge;
    AdapterReport report;
  };

  std::map<std::string, std::shared_ptr<AdaptedCheckpoint>> components_;
  Last last_;
};

}  // namespace sumi
