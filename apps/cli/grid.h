#pragma once

#include <string>
#include <vector>

#include "sumi/request.h"

namespace sumi::cli {

/// Combinations of settings: "steps=10,20 guidance=5,7.5" has the first along the columns and the second along the
/// rows.
class Grid {
 public:
  /// Error(usage) for more than two settings, or one that is not known.
  explicit Grid(const std::string& text);

  std::size_t columns() const { return axes_[0].values.size(); }
  std::size_t rows() const { return axes_.size() > 1 ? axes_[1].values.size() : 1; }
  /// "steps 10", ...
  std::vector<std::string> column_labels() const { return labels(axes_[0]); }
  std::vector<std::string> row_labels() const;
  /// Error(usage) for a value that is none.
  void set(Request& request, std::size_t column, std::size_t row) const;

 private:
  struct Axis {
    std::string name;
    std::vector<std::string> values;
  };
  static std::vector<std::string> labels(const Axis& axis);

  std::vector<Axis> axes_;
};

}  // namespace sumi::cli
