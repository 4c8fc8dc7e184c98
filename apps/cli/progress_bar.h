#pragma once

#include <string>

#include "status_line.h"
#include "sumi/progress.h"

namespace sumi::cli {

/// Where a run is, on standard error: one line that is drawn anew on a terminal, a few plain lines elsewhere.
class ProgressBar {
 public:
  explicit ProgressBar(bool silent);

  /// What each line begins with: "run 2 of 5: ".
  void label(std::string text);
  void tell(const Progress& progress);
  /// Removes the line, so that others can be printed.
  void clear() { line_.clear(); }

 private:
  void draw(const Progress& progress);
  void log(const Progress& progress);

  bool silent_, terminal_;
  StatusLine line_;
  std::string label_;
};

}  // namespace sumi::cli
