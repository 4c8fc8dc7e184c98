#pragma once

#include <atomic>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sumi/error.h"
#include "sumi/image.h"
#include "sumi/progress.h"
#include "sumi/request.h"

namespace sumi {

/// Which model on which device.
struct EngineOptions {
  /// A folder in diffusers layout, a single safetensors or checkpoint file, "ORG/NAME[@REV]" that `pull` has fetched,
  /// "synthetic:sd15" (and sd21, sdxl, bksdm-small) for random weights of a full-size model, or empty for the model
  /// that comes with Sumi.
  std::string model;
  std::string vae;             ///< a folder or file of an autoencoder instead of the model's own; empty: its own
  std::string config;          ///< a folder in diffusers layout whose configurations a single file takes
  std::string prediction;      ///< "epsilon" or "v_prediction", what the UNet predicts; empty: as the model says
  std::string safety_checker;  ///< a folder with config.json and weights instead of the model's own
  std::string device =
      "cpu";  ///< "cpu", "cuda" or "cuda:NUMBER" for an NVIDIA GPU, "ref" for the plain definition of ops
  /// "auto", "f32", "tf32", "bf16", "f16", "int8" or "fp8". "auto" is f16 on a GPU. A CPU computes f16 files in the
  /// type that "auto" gives; `Report::notes` says so. With "int8" on a CPU, and "fp8" on a GPU of compute
  /// capability 9.0 or later, linears of the UNet and of ControlNets round weights and inputs to 8 bits: faster,
  /// smaller, and another picture (docs/quality.md); all else is computed as "auto" says. Error(unsupported) for int8
  /// on a GPU or without AVX2 and NEON, for fp8 on a CPU or an earlier GPU. "tf32", for GPUs of compute capability 8.0
  /// and later, is f32 with factors of products rounded to 10 bits.
  std::string dtype = "auto";
  /// Bytes of a GPU's memory that weights and activations take at most; 0: what there is. Weights that have no room
  /// come from the host's memory as they are needed, those that are used once a picture first. Error(usage) on a CPU,
  /// Error(out_of_memory) with the least limit where that is not enough.
  std::size_t device_memory = 0;
  int threads = 0;                   ///< 0: one per core
  std::vector<std::string> disable;  ///< implementations to leave out, as `sumi doctor` names them
};

/// What a run used and how long it took.
struct Report {
  std::string version, model, device, dtype, sampler, schedule, spacing, prediction;
  int steps = 0, threads = 0, clip_skip = 0;
  double guidance = 0, guidance_rescale = 0, eta = 0;
  Rng rng = Rng::cpu;
  std::string prompt;
  std::optional<std::string> negative;
  /// What else the request asked for, in the words of the field's other programs: {"Denoising strength", "0.8"}.
  std::vector<std::pair<std::string, std::string>> more;

  double load_seconds = 0;  ///< of the first run: reading and packing weights; 0 afterwards
  double text_seconds = 0, denoise_seconds = 0, decode_seconds = 0;
  double steps_per_second = 0;  ///< model calls, for the whole batch at once
  double flops = 0;             ///< multiplications and additions of the whole run
  double factor_flops = 0;      ///< of these, by adapters' factors beside the weights (LoraMode::apply)
  std::size_t weights_beside = 0, weights_merged = 0;  ///< weights with adapters' factors beside them, or merged

  std::size_t planned_bytes = 0;       ///< activations, by the dry run: exactly what the run is given
  std::size_t weight_bytes = 0;        ///< packed weights
  std::size_t offloaded_bytes = 0;     ///< of these, in the host's memory, from where they come as they are needed
  std::size_t offload_room_bytes = 0;  ///< of the device's memory, that they go through
  std::size_t fixed_bytes = 0;  ///< libraries, stacks, generated code: measured before the run, when weights are packed
  /// Highest resident size of the process less file pages, while `generate` ran; on a GPU what of its memory is in use.
  std::size_t peak_bytes = 0;
  std::vector<std::string> notes;  ///< one line each: what was decided that the user may want to know
};

struct Picture {
  Image image;
  std::uint64_t seed = 0;
  std::string prompt;
  bool unfit = false;  ///< a safety checker held it unfit to be shown: it is blurred
};

struct Result {
  std::vector<Picture> pictures;
  Report report;
};

/// What to tell the caller while a run goes on.
struct Hooks {
  OnProgress progress;
  bool previews = false;  ///< `progress` may ask for previews: their memory is planned too
  const std::atomic<bool>* stop =
      nullptr;                  ///< set to true from anywhere: the run ends with Error(cancelled) within an op
  std::filesystem::path trace;  ///< a Chrome trace of phases, steps, layers and ops is written here
};

/// A model ready to make pictures. One run at a time; `stop` may be set from anywhere.
class Engine {
 public:
  /// Reads and checks the model; weights stay in the mapped file until the first run packs them.
  /// Error(not_found, bad_file, bad_model, unsupported, usage).
  explicit Engine(const EngineOptions& options);
  Engine(Engine&&) noexcept;
  Engine& operator=(Engine&&) noexcept;
  ~Engine();

  /// Error(usage) for a request that makes no sense, Error(out_of_memory), Error(cancelled); the next run works.
  Result generate(const Request& request, const Hooks& hooks = {});
  /// Packed weights and activations go back to the system; the next run packs again.
  void release();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sumi
