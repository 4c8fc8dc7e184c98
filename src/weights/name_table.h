#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "weights/checkpoint.h"

namespace sumi {

/// What becomes of a tensor between the model's names and a file's.
enum class Change {
  none,
  transposed,  ///< a matrix the other way round
  pointwise,   ///< a linear layer's matrix is a 1x1 convolution in the file; vectors stay
  query,       ///< the first, second or third part of one tensor in the file
  key,
  value,
};

/// The names that one part of a model has in a file, beside those of diffusers and transformers, for both directions. A
/// name that ends in a dot stands for all that begin so; of several that fit, the longest holds.
class NameTable {
 public:
  void add(std::string model, std::string file, Change change = Change::none);
  /// A second name of a model's tensor: older exports.
  void alias(std::string model, std::string file, Change change = Change::none);
  /// Tensors of the file that the model has no use for.
  void drop(std::string file);

  /// What the file calls a tensor of the model; empty where it has no name for it.
  std::string file_name(std::string_view model) const;
  /// A file's tensors under the model's names. Those in no table keep their name: a loader tells of them.
  TensorMap to_model(const TensorMap& file) const;
  /// A model's tensors under the file's names. Error(unsupported) for those that have none, and for parts of a tensor
  /// whose others are missing.
  TensorMap to_file(const TensorMap& model, const std::string& where) const;

 private:
  struct Entry {
    std::string model, file;
    Change change;
  };
  /// For a name that begins with the entry's.
  static std::string file_name(const Entry& entry, std::string_view model);
  using Index = std::multimap<std::string, std::size_t, std::less<>>;
  std::vector<const Entry*> find(const Index& index, std::string_view name) const;

  std::vector<Entry> entries_;
  Index by_model_, by_file_;
};

/// Whether any tensor's name begins so.
bool has_prefix(const TensorMap& tensors, std::string_view prefix);
/// The tensors whose names begin with `prefix`, without it.
TensorMap without_prefix(const TensorMap& tensors, std::string_view prefix);
/// How many of `prefix`0., `prefix`1., ... begin a name.
int count_of(const TensorMap& tensors, std::string_view prefix);

}  // namespace sumi
