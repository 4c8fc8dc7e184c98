#pragma once

#include <span>
#include <string>
#include <string_view>

namespace sumi {

/// For the end of an error's text: "", "; did you mean a?" or "; did you mean a, b or c?", of those of `known` that
/// somebody who wrote `wanted` may have meant.
std::string did_you_mean(std::string_view wanted, std::span<const std::string> known);

/// Lets a model file that shrinks, or whose disk fails, while it is read end in an Error instead of SIGBUS: a page that
/// the system cannot deliver reads as zeros, and the reader is told. For programs to call once, at their start; later
/// calls do nothing. It installs a handler for that signal, which passes on what is not the library's.
void guard_file_maps();

}  // namespace sumi
