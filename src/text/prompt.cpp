#include "text/prompt.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <optional>
#include <utility>

#include "core/check.h"

namespace sumi {
namespace {

constexpr double kStep = 1.1;
constexpr std::string_view kBreak = "BREAK";
constexpr std::string_view kSpecial = "\\()[]:";

bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

/// Letters, digits and `_` of ASCII, and every byte of the others.
bool is_word(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}

std::string_view without_leading_blanks(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  return text;
}

/// Products of the same factors in another order differ in their last digits.
bool equal(double a, double b) { return std::abs(a - b) <= 1e-12 * std::abs(a); }

struct ClosingWeight {
  double factor;
  std::size_t length;  ///< with colon and bracket
};

/// `: 1.3 )` at the start of `text`.
std::optional<ClosingWeight> closing_weight(std::string_view text) {
  std::string_view rest = without_leading_blanks(text.substr(1));
  const bool negative = rest.starts_with('-');
  if (negative || rest.starts_with('+')) rest.remove_prefix(1);
  const std::size_t digits = rest.find_first_not_of("0123456789.");
  if (digits == std::string_view::npos) return std::nullopt;
  double factor = 0;
  const auto [end, problem] = std::from_chars(rest.data(), rest.data() + digits, factor, std::chars_format::fixed);
  if (problem != std::errc() || end != rest.data() + digits) return std::nullopt;
  rest = without_leading_blanks(rest.substr(digits));
  if (!rest.starts_with(')')) return std::nullopt;
  return ClosingWeight{negative ? -factor : factor, static_cast<std::size_t>(rest.data() + 1 - text.data())};
}

constexpr std::string_view kAdapter = "<lora:";

/// `<lora:name:weight:text-weight>`.
PromptAdapter adapter_of(std::string_view text) {
  std::array<std::string_view, 3> parts;
  std::size_t count = 0;
  for (std::string_view rest = text.substr(kAdapter.size(), text.size() - kAdapter.size() - 1);;) {
    const std::size_t colon = rest.find(':');
    check(count < parts.size(), ErrorCode::usage, "prompt: '{}': expected <lora:name:weight:text-weight>", text);
    parts[count++] = rest.substr(0, colon);
    if (colon == std::string_view::npos) break;
    rest.remove_prefix(colon + 1);
  }
  const auto number = [&](std::size_t part, double otherwise) {
    if (count <= part) return otherwise;
    double value = 0;
    const char* last = parts[part].data() + parts[part].size();
    const auto [end, problem] = std::from_chars(parts[part].data(), last, value);
    check(problem == std::errc() && end == last && std::isfinite(value), ErrorCode::usage,
          "prompt: '{}': '{}' is not a weight", text, parts[part]);
    return value;
  };
  check(!parts[0].empty(), ErrorCode::usage, "prompt: '{}' names no file", text);
  const double weight = number(1, 1);
  return {std::string(parts[0]), weight, number(2, weight)};
}

/// Reads a prompt from left to right. A bracket's factor is known only where it closes, so pieces refer to groups whose
/// weights are worked out at the end: one multiplication a group, however deep they nest.
class Parser {
 public:
  explicit Parser(std::string_view prompt) : rest_(prompt) {}

  std::vector<PromptPiece> run() {
    while (!rest_.empty()) step();
    return joined(group_weights());
  }

 private:
  struct Group {
    std::size_t parent;
    bool square;
    double factor;
  };
  struct Piece {
    std::string text;
    std::size_t group;
    bool ends_chunk;
  };

  void step() {
    const char c = rest_.front();
    if (c == '\\' && rest_.size() > 1 && std::string_view("\\()[]").find(rest_[1]) != std::string_view::npos) {
      take(1);
      text(take(1));
    } else if (c == '(' || c == '[') {
      groups_.push_back({group_, c == '[', c == '[' ? 1 / kStep : kStep});
      group_ = groups_.size() - 1;
      take(1);
    } else if (c == ')' || c == ']') {
      take(1);
      if (open(c == ']')) {
        group_ = groups_[group_].parent;
      } else {
        text({&c, 1});
      }
    } else if (c == ':') {
      colon();
    } else if (c == '\\') {
      text(take(1));
    } else if (rest_.starts_with(kBreak) && (rest_.size() == kBreak.size() || !is_word(rest_[kBreak.size()]))) {
      take(kBreak.size());
      pieces_.push_back({"", group_, true});
    } else {
      text(take(std::min(rest_.find_first_of(kSpecial), rest_.size())));
    }
  }

  void colon() {
    const auto weight = closing_weight(rest_);
    if (!weight || !open(false)) {
      text(take(weight ? weight->length : 1));
      return;
    }
    take(weight->length);
    groups_[group_].factor = weight->factor;
    group_ = groups_[group_].parent;
  }

  bool open(bool square) const { return group_ != 0 && groups_[group_].square == square; }

  std::string_view take(std::size_t length) {
    const auto taken = rest_.substr(0, length);
    rest_.remove_prefix(length);
    return taken;
  }

  void text(std::string_view more) {
    if (pieces_.empty() || pieces_.back().group != group_ || pieces_.back().ends_chunk)
      pieces_.push_back({"", group_, false});
    pieces_.back().text += more;
  }

  std::vector<double> group_weights() const {
    std::vector<double> weights{1.0};
    for (std::size_t i = 1; i < groups_.size(); ++i) weights.push_back(weights[groups_[i].parent] * groups_[i].factor);
    return weights;
  }

  std::vector<PromptPiece> joined(const std::vector<double>& weights) {
    std::vector<PromptPiece> out;
    for (Piece& piece : pieces_) {
      if (piece.ends_chunk) {
        out.push_back({"", 1, true});
        continue;
      }
      const double weight = weights[piece.group];
      check(std::isfinite(weight), ErrorCode::usage,
            "prompt: the weights around '{}' multiply to more than a number holds", piece.text.substr(0, 40));
      if (!out.empty() && !out.back().ends_chunk && equal(out.back().weight, weight)) {
        out.back().text += piece.text;
      } else {
        out.push_back({std::move(piece.text), weight, false});
      }
    }
    return out;
  }

  std::string_view rest_;
  std::vector<Group> groups_{{0, false, 1.0}};  // the first is the prompt itself
  std::vector<Piece> pieces_;
  std::size_t group_ = 0;
};

}  // namespace

std::vector<PromptPiece> weighted_pieces(std::string_view prompt) { return Parser(prompt).run(); }

std::vector<PromptAdapter> take_adapters(std::string& prompt) {
  std::vector<PromptAdapter> adapters;
  std::string plain;
  std::string_view rest = prompt;
  for (;;) {
    const std::size_t at = rest.find(kAdapter), end = rest.find('>', std::min(at, rest.size()));
    if (end == std::string_view::npos) break;
    adapters.push_back(adapter_of(rest.substr(at, end + 1 - at)));
    plain += rest.substr(0, at);
    rest.remove_prefix(end + 1);
  }
  prompt = plain.append(rest);
  return adapters;
}

}  // namespace sumi
