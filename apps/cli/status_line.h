#pragma once

#include <string>

namespace sumi::cli {

/// A line on the terminal of standard error that is drawn over itself, and removed at the end.
class StatusLine {
 public:
  StatusLine() = default;
  StatusLine(const StatusLine&) = delete;
  StatusLine& operator=(const StatusLine&) = delete;
  ~StatusLine() { clear(); }

  void draw(std::string text);
  /// Removes the line, so that others can be printed.
  void clear();

 private:
  bool drawn_ = false;
};

/// `begin [====    ] end`, as wide as the terminal of standard error has room for; `share` of the bar is full.
std::string with_bar(const std::string& begin, double share, const std::string& end);

}  // namespace sumi::cli
