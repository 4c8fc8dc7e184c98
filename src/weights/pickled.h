#pragma once

#include <filesystem>

#include "core/json.h"
#include "weights/checkpoint.h"

namespace sumi {

/// What a file of PyTorch holds, nested names joined by dots: "state_dict.first_stage_model.quant_conv.bias",
/// "string_to_param.*", "params_ema.conv_first.weight".
struct PickledFile {
  TensorMap tensors;
  Json values = Json::object();  ///< its texts, numbers and flags by their names: {"global_step": 875000}
};

/// A file that `torch.save` wrote, of the zip form or the older one. Its pickle is read as data: nothing is executed.
/// Constructors of tensors and dicts are understood; objects of training programs are passed over; every other name is
/// refused. Values of tensors are read through a memory map. Error(not_found), Error(io); Error(bad_file) for a file
/// that is cut short, inconsistent or hostile, for tensors that reach outside their storage, for a nesting of over 16
/// levels or more than 500,000 entries; Error(unsupported) for compressed entries and types that DType lacks.
PickledFile read_pickled_file(const std::filesystem::path& path);

/// The tensors of the model in such a file, by their own names: those of its `state_dict`, `params_ema` or `params`
/// where it has one, else all.
TensorMap read_pickled(const std::filesystem::path& path);

/// Whether a file begins as those of PyTorch do.
bool is_pickled(const std::filesystem::path& path);

}  // namespace sumi
