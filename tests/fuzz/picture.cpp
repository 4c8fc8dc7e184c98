#include "fuzz.h"
#include "image/area.h"
#include "image/mask.h"

namespace sumi {
namespace {

void use(std::span<const std::byte> file) {
  const Image image = read_image(file);
  fuzz::expect(image.width > 0 && image.height > 0);
  fuzz::expect(image.rgb.size() ==
               std::size_t{3} * static_cast<std::size_t>(image.width) * static_cast<std::size_t>(image.height));
  const bool small = image.rgb.size() < 1 << 20;  // the limit of time is for one input
  if (!small) return;
  const Grey mask = binarized(brightness(resize(image, 24, 16)));
  if (const auto area = masked_area(mask, 8, 8, 2)) fuzz::expect(crop(mask, *area).values.size() > 0);
  fuzz::expect(canny(image).values.size() == image.rgb.size() / 3);
}

}  // namespace
}  // namespace sumi

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  sumi::fuzz::may_fail([&] { sumi::use(std::as_bytes(std::span(data, size))); });
  return 0;
}
