#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "sumi/engine.h"

namespace sumi {

struct BenchOptions {
  EngineOptions engine;
  std::vector<std::string> what = {"image"};  ///< "image", "unet", "vae", "text"
  int width = 0, height = 0;                  ///< pixels; 0: the model's
  int batch = 1, steps = 20;
  double guidance = 7.5;                ///< above 1 the UNet runs on both halves of guidance
  std::optional<std::string> negative;  ///< as Request's; models that want zeros without one (SDXL) then compute less
  int warmup = 1, repeat = 3;
  bool ops = false;     ///< also one row per op, shape and implementation; not of "image"
  std::string compare;  ///< with `ops`: implementations to run beside those chosen, by the beginning of their names
};

/// One measurement. Times are of whole calls.
struct BenchRow {
  std::string what;  ///< "image", "unet", "vae", "text", or "op" with `shapes` and `implementation`
  std::string shapes, implementation;
  std::string rival;         ///< of an op: what BenchOptions::compare took instead, where that is another
  double times_as_fast = 0;  ///< as the rival, the median over calls in turn
  std::string dtype;
  int calls = 0;                            ///< of an op within a call of its part
  double minimum = 0, median = 0, p95 = 0;  ///< seconds per call; of the UNet: per step
  double flops = 0;                         ///< per call
  double gflops = 0, share_of_peak = 0;     ///< at the median; share of the peak measured on this machine
  double steps_per_second = 0, pictures_per_minute = 0;
  std::size_t peak_bytes = 0;
  std::size_t offloaded_bytes = 0;  ///< as Report's
  bool out_of_memory = false;
};

/// Calls `row` as each measurement ends. Error as Engine.
void bench(const BenchOptions& options, const std::function<void(const BenchRow&)>& row);

/// Writes a model, synthetic ones too, as a diffusers folder of `dtype` ("f16", "bf16", "f32") that other programs
/// load. The folder appears whole or not at all. Error(io), Error(usage).
void write_model(const std::string& model, const std::filesystem::path& folder, const std::string& dtype = "f16");

struct ConvertOptions {
  std::string dtype;             ///< "f32", "f16" or "bf16"; empty: every tensor stays as it is stored, without loss
  std::filesystem::path config;  ///< a folder whose configurations and tokenizers win over what a file's shapes tell
  std::string prediction;        ///< of a file: "epsilon" or "v"; empty: what the file shows
};

/// A model between the forms that others share. A folder in diffusers layout (of a model, or of its UNet, autoencoder
/// or a ControlNet alone) becomes one `.safetensors` file with the names of LDM; a safetensors or PyTorch file becomes
/// such a folder, or, where `to` ends in `.safetensors`, a file of the same tensors. What is written appears whole or
/// not at all. Error(usage, not_found, io, bad_file, unsupported).
void convert(const std::filesystem::path& from, const std::filesystem::path& to, const ConvertOptions& options = {});

/// Keeps rows in a CSV file that begins with
/// `device,precision,autocast,xformers,runtime,n_samples,latency,memory` (seconds per batch; GB; -1 and -1 when out of
/// memory), Sumi's own columns after those.
class BenchTable {
 public:
  /// Error(bad_file) for an existing file of other columns.
  explicit BenchTable(std::filesystem::path path);
  /// The row with these settings, where one is there already: all that the table holds of it.
  std::optional<BenchRow> find(const BenchOptions& options, const std::string& what) const;
  /// Appends the row, or puts it in the place of the one with its settings.
  void add(const BenchOptions& options, const BenchRow& row);

 private:
  std::filesystem::path path_;
};

}  // namespace sumi
