#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "core/source.h"

namespace sumi {

/// Tensors by their name in the file. A Source knows its shape and stored type.
using TensorMap = std::map<std::string, SourcePtr, std::less<>>;

/// Where a model's weights come from: files, memory, or nowhere (synthetic).
class Checkpoint {
 public:
  /// `where` names the checkpoint in errors: a path where there is one.
  Checkpoint(std::string where, TensorMap tensors) : where_(std::move(where)), tensors_(std::move(tensors)) {}
  virtual ~Checkpoint() = default;
  Checkpoint(const Checkpoint&) = delete;
  Checkpoint& operator=(const Checkpoint&) = delete;

  const std::string& where() const { return where_; }
  /// Every tensor; of a synthetic checkpoint those asked for so far. Not while another thread calls `want`.
  const TensorMap& tensors() const { return tensors_; }
  /// nullptr where there is no such tensor.
  SourcePtr find(std::string_view name) const;
  /// `find` for a model that needs `shape`. The result may have another shape: the caller compares.
  virtual SourcePtr want(std::string_view name, const Shape& shape);

 protected:
  SourcePtr add(std::string_view name, SourcePtr source);

 private:
  std::string where_;
  TensorMap tensors_;
};
using CheckpointPtr = std::shared_ptr<Checkpoint>;

/// One file of safetensors or of PyTorch, which its content tells, or several named by a `*.index.json`. Errors as in
/// safetensors.h and pickled.h; a shard that is missing, or lacks a tensor which the index places in it, is
/// Error(bad_file), all of them named.
CheckpointPtr open_checkpoint(const std::string& path);

/// Every tensor that is asked for exists, in the shape asked for. Weights (two axes or more) are uniform with the
/// variance 1 / fan-in, norm weights 1 +- 0.1, biases +- 0.05, each value a function of seed, name and index alone and
/// rounded to `stored` (f32, bf16 or f16). `where` names it in errors.
CheckpointPtr synthetic_checkpoint(DType stored, std::uint64_t seed = 0, std::string where = "synthetic");

/// What `sumi info` shows of a component.
struct WeightCount {
  std::int64_t parameters = 0;
  std::int64_t bytes = 0;
  std::map<DType, std::int64_t> parameters_by_type;
};
WeightCount count_weights(const Checkpoint& checkpoint);

}  // namespace sumi
