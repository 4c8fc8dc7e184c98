#pragma once

#include <stdexcept>
#include <string>

namespace sumi {

/// Why a call failed. The command's exit status is 2 for `usage`, 130 for `cancelled` and 1 for every other.
enum class ErrorCode {
  usage,          ///< the request itself makes no sense: an unknown name, a size not divisible by 8, NaN guidance
  not_found,      ///< a file, folder or model that does not exist
  bad_file,       ///< a file that is truncated, hostile or of another format
  bad_model,      ///< a model whose parts do not fit each other or its configuration
  unsupported,    ///< well formed, but nothing here can do it
  out_of_memory,  ///< host or device memory is exhausted; the next request may work
  io,             ///< the system refused to read or write: a full disk, a read-only folder
  cancelled,      ///< stopped on request
  internal,       ///< a mistake in Sumi
};

/// The only exception that leaves the library. `what()` is one line: what is wrong, where, and what to do.
class Error : public std::runtime_error {
 public:
  Error(ErrorCode code, const std::string& text) : std::runtime_error(text), code_(code) {}
  ErrorCode code() const { return code_; }

 private:
  ErrorCode code_;
};

}  // namespace sumi
