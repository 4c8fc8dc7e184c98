#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "weights/checkpoint.h"

namespace sumi {

/// The tensors of a safetensors file, read through a memory map that the sources share. Nothing but the header is read
/// here. Error(not_found), Error(io), or Error(bad_file) for a file that is truncated or hostile: a header longer than
/// 100 MB or than the file, not UTF-8 or not JSON; a key twice; offsets that overlap, leave a gap or lie outside; sizes
/// that do not fit type and shape; more than Shape::max_rank axes; a type that DType lacks.
/// Reading from a file that shrank meanwhile is Error(io) (core/file_map.h).
TensorMap read_safetensors(const std::filesystem::path& path);

/// The texts that a safetensors file holds beside its tensors (`__metadata__`). Errors as above.
std::map<std::string, std::string> read_safetensors_metadata(const std::filesystem::path& path);

/// Writes tensors of any type as they are stored, without loss; where `as` (f32, bf16, f16) is given, those of floating
/// types rounded to it. Error(unsupported) for another `as`. The file appears whole or not at all; Error(io) on a full
/// disk or a folder that is read-only.
void write_safetensors(const std::filesystem::path& path, const TensorMap& tensors, std::optional<DType> as = {});

}  // namespace sumi
