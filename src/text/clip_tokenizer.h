#pragma once

#include <string>

#include "text/vocabulary.h"

namespace sumi {

/// The files of CLIP's own tokenizer, which is part of the library, as its folder holds them: for models that come
/// without one. `pad` fills a short prompt: the end token, or "!" (id 0) with OpenCLIP's encoders.
TokenizerFiles clip_tokenizer_files(const std::string& pad = "<|endoftext|>");

}  // namespace sumi
