#pragma once

#include <string>

#include "sumi/progress.h"

namespace sumi::cli {

/// Where a run is, on standard error: one line that is drawn anew on a terminal, a few plain lines elsewhere.
class ProgressBar {
 public:
  explicit ProgressBar(bool silent);
  ~ProgressBar() { clear(); }
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  /// What each line begins with: "run 2 of 5: ".
  void label(std::string text);
  void tell(const Progress& progress);
  /// Removes the line, so that others can be printed.
  void clear();

 private:
  void draw(const Progress& progress);
  void log(const Progress& progress);

  bool silent_, terminal_, drawn_ = false;
  std::string label_;
};

}  // namespace sumi::cli
