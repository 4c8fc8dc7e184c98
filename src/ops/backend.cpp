#include "ops/backend.h"

#include "core/check.h"

namespace sumi {

std::unique_ptr<Recording> Backend::record(const std::function<void()>&) {
  fail(ErrorCode::internal, "{}: records nothing", name());
}

}  // namespace sumi
