#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "adapters/adapters.h"
#include "adapters/embedding.h"
#include "models/controlnet.h"
#include "pipelines/model.h"
#include "sumi/request.h"

namespace sumi {

/// What became of a request's adapters.
struct Adapted {
  std::size_t beside = 0, merged = 0;  ///< weights, as in AdapterReport
  std::vector<std::string> notes;      ///< on what found no place
};

/// What requests add to a model: adapters, learned words, ControlNets. Files are read once.
class Extras {
 public:
  /// Makes the model what its file holds plus what the request asks for; what its prompts ask for (`<lora:name:1>`) is
  /// taken out of them.
  /// Error(not_found) for a name that is not in the folder; errors of read_adapter, Adapters::set, read_embedding and
  /// learn_words.
  Adapted apply(Model& model, Request& request);

  /// The two halves of `apply` that do not look at prompts.
  Adapted adapt(Model& model, const std::vector<Lora>& loras, LoraMode mode);
  void teach(Model& model, const std::vector<std::filesystem::path>& files);

  /// Error(not_found, bad_file, bad_model, unsupported).
  std::shared_ptr<const ControlNet> controlnet(const Model& model, const std::string& name);

 private:
  std::map<std::filesystem::path, AdapterPtr> adapters_;
  std::map<std::string, std::shared_ptr<const ControlNet>> controlnets_;
  std::vector<std::filesystem::path> embeddings_;  // those that the model knows
};

}  // namespace sumi
