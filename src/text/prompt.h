#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sumi {

/// A stretch of a weighted prompt.
struct PromptPiece {
  std::string text;
  double weight = 1;
  bool ends_chunk = false;  ///< BREAK: no text, what follows begins a new chunk of tokens

  bool operator==(const PromptPiece&) const = default;
};

/// The pieces of a weighted prompt, none empty, neighbours of equal weight joined.
///
/// `(x)` multiplies the weight of x by 1.1, `[x]` divides it by 1.1, `(x:1.3)` multiplies it by 1.3; brackets nest; one
/// that is never closed reaches to the end; one that closes nothing, and `:1.3)` after no bracket, is text. A backslash
/// before a bracket or a backslash makes it text. BREAK ends a chunk where it is a whole word right after a bracket, a
/// colon, a backslash or the prompt's start; elsewhere it is text, as in the reference.
/// Error(usage) where weights multiply to more than a double holds.
std::vector<PromptPiece> weighted_pieces(std::string_view prompt);

/// An adapter that a prompt asks for.
struct PromptAdapter {
  std::string name;
  double weight = 1, text_weight = 1;

  bool operator==(const PromptAdapter&) const = default;
};

/// Takes every `<lora:name>`, `<lora:name:weight>` and `<lora:name:weight:text-weight>` out of a prompt and returns
/// them in their order; a text weight left out is the weight. What is never closed is text. Error(usage) for a name
/// that is empty or a weight that is no number.
std::vector<PromptAdapter> take_adapters(std::string& prompt);

}  // namespace sumi
