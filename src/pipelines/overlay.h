#pragma once

#include <optional>

#include "image/area.h"
#include "sumi/request.h"

namespace sumi {

/// A picture of which only the masked part is made: what is made is laid over the original, soft where the mask is
/// blurred. With `Mask::only_masked` the model sees the surroundings of the mask alone, at the full size.
class Overlay {
 public:
  /// `reduction`: sides of what is made are multiples of it. Error(usage) for a mask that is all dark.
  Overlay(const Request& request, std::int64_t reduction);

  /// What the model is asked for.
  const Request& request() const { return request_; }
  /// The whole picture with what the model made; `made` itself where the mask is hard and covers the whole.
  Image lay(Image made) const;

 private:
  Request request_;
  Image original_;
  Grey mask_;
  std::optional<Area> area_;
  bool lays_ = false;
};

}  // namespace sumi
