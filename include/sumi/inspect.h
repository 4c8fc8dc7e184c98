#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace sumi {

/// A table of facts, ready to print or to turn into JSON.
struct Facts {
  std::string title;
  std::vector<std::pair<std::string, std::string>> rows;
};

/// One part of a model.
struct ComponentInfo {
  std::string name, kind;  ///< "unet", "UNet2DConditionModel"
  std::size_t parameters = 0, bytes = 0;
  std::vector<std::string> types;  ///< of the stored tensors: "f16"
};

struct ModelInfo {
  std::string name;
  std::filesystem::path path;  ///< empty for synthetic models
  std::vector<ComponentInfo> components;
  int width = 0, height = 0, steps = 0;  ///< defaults
  double guidance = 0;
  std::string sampler, prediction;
};

/// A model as EngineOptions::model names it, of a single file with the configurations of the folder `config`.
/// Error(not_found, bad_file, bad_model).
ModelInfo inspect_model(const std::string& model, const std::string& config = "");

/// One way to compute an op, and what it says to a case: empty when it takes it.
struct Verdict {
  std::string implementation, declines;
};
struct OpReport {
  std::string op, shapes;
  std::vector<Verdict> verdicts;  ///< fastest first; the first that does not decline is used
};

struct Doctor {
  std::vector<Facts> facts;                  ///< processor, libraries, models
  std::vector<OpReport> ops;                 ///< for the shapes of a Stable Diffusion 1.5 step at 512 x 512
  std::vector<std::string> implementations;  ///< every name that `disable` takes
  std::vector<std::string> samplers;
};

/// The state of this machine as Sumi sees it. `dtype` as in EngineOptions.
Doctor inspect_machine(const std::string& device = "cpu", const std::string& dtype = "auto");

/// Version of the library: "0.1.0".
std::string version();

}  // namespace sumi
