#include "pipelines/overlay.h"

#include <utility>

#include "core/check.h"
#include "image/mask.h"

namespace sumi {

Overlay::Overlay(const Request& request) : request_(request) {
  lays_ = request.start && request.mask && (request.mask->blur > 0 || request.mask->only_masked);
  if (!lays_) return;
  original_ = request.start->picture;
  const Image mask = resize(request.mask->picture, original_.width, original_.height);
  mask_ = blurred(brightness(mask), request.mask->blur);
  if (!request.mask->only_masked) return;
  request_.width = request.width.value_or(original_.width / 8 * 8);
  request_.height = request.height.value_or(original_.height / 8 * 8);
  area_ = masked_area(mask_, *request_.width, *request_.height, *request.mask->only_masked);
  check(area_.has_value(), ErrorCode::usage, "the mask is dark everywhere: there is nothing to paint");
  request_.start->picture = crop(original_, *area_);
  request_.mask->picture = crop(mask, *area_);
}

Image Overlay::lay(Image made) const {
  if (!lays_) return made;
  if (area_) {
    Image whole = original_;
    whole.text = std::move(made.text);
    paste(whole, resize(made, area_->width, area_->height), area_->x, area_->y, &mask_);
    return whole;
  }
  Image whole = resize(original_, made.width, made.height);
  const Grey mask = resize(mask_, made.width, made.height);
  paste(whole, made, 0, 0, &mask);
  whole.text = std::move(made.text);
  return whole;
}

}  // namespace sumi
