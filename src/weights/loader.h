#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "weights/checkpoint.h"

namespace sumi {

/// The name that a tensor of the model has in a checkpoint.
using Names = std::function<std::string(std::string)>;

/// A place in a checkpoint, by the names that diffusers and transformers give: `loader.at("down_blocks",
/// 0).at("resnets", 1)`. Copies are cheap and share what was used and what was wrong. Problems are collected, so that
/// all of them can be told at once: a tensor that is missing or misshapen is replaced by zeros of the shape wanted,
/// until `finish` throws. One thread at a time.
class Loader {
 public:
  explicit Loader(CheckpointPtr checkpoint, Names names = {});

  Loader at(std::string_view part) const;
  Loader at(std::string_view list, int index) const;  ///< at("resnets", 1) is at("resnets.1")
  /// The model's full name of a tensor here.
  std::string path(std::string_view name) const;

  /// Whether the checkpoint holds it; of a synthetic one, whether it was asked for already.
  bool has(std::string_view name) const;
  /// Never null. Trailing axes of 1 are added or dropped as needed: a 1x1 convolution serves as a linear layer.
  SourcePtr weight(std::string_view name, const Shape& expected) const;
  /// All values of a small tensor, a norm's or a bias.
  std::vector<float> values(std::string_view name, const Shape& expected) const;
  /// nullptr, or nothing, where `has` is false; misshapen ones are problems.
  SourcePtr optional_weight(std::string_view name, const Shape& expected) const;
  std::optional<std::vector<float>> optional_values(std::string_view name, const Shape& expected) const;

  /// Tensors of the checkpoint that need not be used: a name, or `*` and the end of names. `*position_ids` is known.
  void ignore(std::string name) const;
  /// Error(bad_model) with every tensor that is missing, misshapen, of a type that holds no weights, or never used.
  void finish() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
  std::string prefix_;
};

/// For CLIP text encoders: newer exports drop the leading `text_model.` of every name.
Names clip_text_names(const Checkpoint& checkpoint);
/// For VAEs: older ones call an attention's `to_q, to_k, to_v, to_out.0` `query, key, value, proj_attn`.
Names vae_names(const Checkpoint& checkpoint);

}  // namespace sumi
