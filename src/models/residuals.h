#pragma once

#include <vector>

#include "ops/context.h"

namespace sumi {

/// What ControlNets add inside of a UNet.
struct Residuals {
  std::vector<Tensor> down;  ///< each like what the UNet's way down leaves for its way up
  Tensor middle;             ///< like the result of its middle

  explicit operator bool() const { return static_cast<bool>(middle); }
};

/// sum += weight * more, in the memory of `more` where the sum is empty. In guess mode the first layer has a tenth of
/// the weight, the middle all of it, and those between grow evenly in their logarithms.
void accumulate(Context& ctx, Residuals& sum, Residuals more, double weight, bool guess_mode = false);

/// Adds residuals.down to the skips in place, and gives x + residuals.middle. Where they are of fewer pictures than x,
/// they belong to the last of them: to the prompt's half of guidance, as guess mode wants it.
/// Error(usage) where they are not of the UNet's shapes.
Tensor add_residuals(Context& ctx, const Tensor& x, std::vector<Tensor>& skips, const Residuals& residuals);
/// The same for the skips alone, which may be the first few of the UNet's.
void add_residuals(Context& ctx, std::vector<Tensor>& skips, const Residuals& residuals);

}  // namespace sumi
