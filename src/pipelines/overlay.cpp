#include "pipelines/overlay.h"

#include <algorithm>
#include <utility>

#include "core/check.h"
#include "image/mask.h"

namespace sumi {

Overlay::Overlay(const Request& request, std::int64_t reduction) : request_(request) {
  lays_ = request.start && !request.start->picture.rgb.empty() && request.mask &&
          (request.mask->blur > 0 || request.mask->only_masked);
  if (!lays_) return;
  original_ = request.start->picture;
  const Image mask = resize(request.mask->picture, original_.width, original_.height);
  mask_ = blurred(brightness(mask), request.mask->blur);
  if (!request.mask->only_masked) return;
  const auto side = [step = static_cast<int>(reduction)](int pixels) { return std::max(step, pixels / step * step); };
  request_.width = request.width.value_or(side(original_.width));
  request_.height = request.height.value_or(side(original_.height));
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
